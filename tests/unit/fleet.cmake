tokenfab_test(unit_fleet SOURCES ${CMAKE_CURRENT_LIST_DIR}/fleet_scenario_test.cpp
              LINKS tokenfab_scenarios nlohmann_json::nlohmann_json LABELS fast)
