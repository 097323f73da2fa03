tokenfab_test(unit_breakeven
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/breakeven_curves_test.cpp ${CMAKE_CURRENT_LIST_DIR}/breakeven_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/pnl_test.cpp ${CMAKE_CURRENT_LIST_DIR}/customer_test.cpp
  LINKS tokenfab_scenarios nlohmann_json::nlohmann_json LABELS fast)
