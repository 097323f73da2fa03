tokenfab_test(unit_money_bills
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/money_rents.cpp ${CMAKE_CURRENT_LIST_DIR}/money_ownership.cpp
          ${CMAKE_CURRENT_LIST_DIR}/money_unit_costs.cpp ${CMAKE_CURRENT_LIST_DIR}/money_carbon.cpp
          ${CMAKE_CURRENT_LIST_DIR}/money_supply_files.cpp
  LINKS tokenfab_economics nlohmann_json::nlohmann_json LABELS fast)
