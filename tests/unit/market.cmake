tokenfab_test(unit_market SOURCES ${CMAKE_CURRENT_LIST_DIR}/market_scenario_test.cpp
              LINKS tokenfab_scenarios nlohmann_json::nlohmann_json LABELS fast)
