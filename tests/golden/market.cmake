tokenfab_test(golden_market SOURCES ${CMAKE_CURRENT_LIST_DIR}/market_cli_test.cpp
              LINKS nlohmann_json::nlohmann_json LABELS fast)
target_compile_definitions(golden_market PRIVATE TOKENFAB_BINARY="$<TARGET_FILE:tokenfab>")
add_dependencies(golden_market tokenfab)
set_tests_properties(golden_market PROPERTIES COST 20)
