tokenfab_test(unit_trust SOURCES ${CMAKE_CURRENT_LIST_DIR}/trust_test.cpp ${CMAKE_CURRENT_LIST_DIR}/trust_run_test.cpp
              LINKS tokenfab_scenarios nlohmann_json::nlohmann_json LABELS fast)
