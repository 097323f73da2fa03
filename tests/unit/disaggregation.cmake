tokenfab_test(unit_disaggregation SOURCES ${CMAKE_CURRENT_LIST_DIR}/disaggregation_scenario_test.cpp
              LINKS tokenfab_scenarios nlohmann_json::nlohmann_json LABELS fast)
