tokenfab_test(golden_cli SOURCES ${CMAKE_CURRENT_LIST_DIR}/cli_test.cpp ${CMAKE_CURRENT_LIST_DIR}/engine_cli_test.cpp
              ${CMAKE_CURRENT_LIST_DIR}/calibration_cli_test.cpp
              LINKS nlohmann_json::nlohmann_json LABELS fast)
target_compile_definitions(golden_cli PRIVATE TOKENFAB_BINARY="$<TARGET_FILE:tokenfab>")
add_dependencies(golden_cli tokenfab)
