tokenfab_test(unit_scheduling SOURCES ${CMAKE_CURRENT_LIST_DIR}/scenario_scheduling_test.cpp
              LINKS tokenfab_scenarios nlohmann_json::nlohmann_json LABELS fast)
