tokenfab_test(golden_money SOURCES ${CMAKE_CURRENT_LIST_DIR}/money_cli_test.cpp ${CMAKE_CURRENT_LIST_DIR}/providers_cli_test.cpp
              LINKS nlohmann_json::nlohmann_json LABELS fast)
target_compile_definitions(golden_money PRIVATE TOKENFAB_BINARY="$<TARGET_FILE:tokenfab>")
add_dependencies(golden_money tokenfab)
