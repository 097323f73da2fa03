tokenfab_test(unit_catalog
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/catalog_parameters.cpp ${CMAKE_CURRENT_LIST_DIR}/catalog_data.cpp
          ${CMAKE_CURRENT_LIST_DIR}/catalog_errors.cpp ${CMAKE_CURRENT_LIST_DIR}/catalog_schema.cpp
          ${CMAKE_CURRENT_LIST_DIR}/catalog_chips.cpp
  LINKS tokenfab_hwmodels nlohmann_json::nlohmann_json LABELS fast)
