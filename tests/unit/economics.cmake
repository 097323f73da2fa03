tokenfab_test(unit_economics
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/economics_formulas.cpp ${CMAKE_CURRENT_LIST_DIR}/economics_pricing.cpp
          ${CMAKE_CURRENT_LIST_DIR}/economics_identities.cpp ${CMAKE_CURRENT_LIST_DIR}/economics_supply.cpp
          ${CMAKE_CURRENT_LIST_DIR}/economics_data.cpp
  LINKS tokenfab_economics nlohmann_json::nlohmann_json LABELS fast)
