tokenfab_test(engine_replay SOURCES ${CMAKE_CURRENT_LIST_DIR}/replay_test.cpp LINKS tokenfab_engine LABELS fast)
