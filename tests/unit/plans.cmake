tokenfab_test(unit_plans
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/plans_tariff_test.cpp ${CMAKE_CURRENT_LIST_DIR}/plans_terms_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/plans_formats_test.cpp ${CMAKE_CURRENT_LIST_DIR}/plans_read_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/plans_meter_test.cpp ${CMAKE_CURRENT_LIST_DIR}/month_test.cpp
  LINKS tokenfab_economics tokenfab_fleet tokenfab_workload nlohmann_json::nlohmann_json LABELS fast)
