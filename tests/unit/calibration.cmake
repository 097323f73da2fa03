tokenfab_test(unit_calibration
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/calibration_test.cpp ${CMAKE_CURRENT_LIST_DIR}/calibration_files_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/calibration_steps_test.cpp
  LINKS tokenfab_calibration nlohmann_json::nlohmann_json LABELS fast)
