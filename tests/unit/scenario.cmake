tokenfab_test(unit_scenario SOURCES ${CMAKE_CURRENT_LIST_DIR}/scenario_test.cpp ${CMAKE_CURRENT_LIST_DIR}/scenario_workload_test.cpp ${CMAKE_CURRENT_LIST_DIR}/sizing_test.cpp
              LINKS tokenfab_scenarios nlohmann_json::nlohmann_json LABELS fast)
