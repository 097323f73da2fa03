tokenfab_test(engine_speculation SOURCES ${CMAKE_CURRENT_LIST_DIR}/speculation_test.cpp LINKS tokenfab_engine LABELS fast)
tokenfab_test(engine_pages SOURCES ${CMAKE_CURRENT_LIST_DIR}/pages_test.cpp LINKS tokenfab_engine LABELS fast)
tokenfab_test(engine_replay SOURCES ${CMAKE_CURRENT_LIST_DIR}/replay_test.cpp LINKS tokenfab_engine LABELS fast)
tokenfab_test(engine_weights SOURCES ${CMAKE_CURRENT_LIST_DIR}/weights_test.cpp ${CMAKE_CURRENT_LIST_DIR}/reference_model.cpp
              LINKS tokenfab_engine Eigen3::Eigen nlohmann_json::nlohmann_json LABELS fast)
tokenfab_test(engine_model SOURCES ${CMAKE_CURRENT_LIST_DIR}/model_test.cpp ${CMAKE_CURRENT_LIST_DIR}/reference_model.cpp
              LINKS tokenfab_engine Eigen3::Eigen LABELS fast)
