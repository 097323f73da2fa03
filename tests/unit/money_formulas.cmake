tokenfab_test(unit_money_formulas
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/money_capital.cpp ${CMAKE_CURRENT_LIST_DIR}/money_demand.cpp
          ${CMAKE_CURRENT_LIST_DIR}/money_queueing.cpp
  LINKS tokenfab_economics nlohmann_json::nlohmann_json LABELS fast)
