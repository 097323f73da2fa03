tokenfab_test(unit_prefix_replay SOURCES ${CMAKE_CURRENT_LIST_DIR}/prefix_replay_test.cpp LINKS tokenfab_fleet tokenfab_workload LABELS fast)
