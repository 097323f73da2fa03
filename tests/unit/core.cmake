tokenfab_test(unit_base SOURCES ${CMAKE_CURRENT_LIST_DIR}/base_test.cpp LINKS tokenfab_base nlohmann_json::nlohmann_json
              LABELS fast)
tokenfab_test(unit_core SOURCES ${CMAKE_CURRENT_LIST_DIR}/core_test.cpp ${CMAKE_CURRENT_LIST_DIR}/steady_test.cpp LINKS tokenfab_fleet LABELS fast)
tokenfab_test(unit_includes SOURCES ${CMAKE_CURRENT_LIST_DIR}/includes_test.cpp LABELS fast)
tokenfab_test(unit_safety SOURCES ${CMAKE_CURRENT_LIST_DIR}/safety_test.cpp LINKS tokenfab_base nlohmann_json::nlohmann_json
              LABELS fast)
