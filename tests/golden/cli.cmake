tokenfab_test(golden_cli SOURCES ${CMAKE_CURRENT_LIST_DIR}/cli_test.cpp ${CMAKE_CURRENT_LIST_DIR}/engine_cli_test.cpp
              ${CMAKE_CURRENT_LIST_DIR}/breakeven_cli_test.cpp ${CMAKE_CURRENT_LIST_DIR}/calibration_cli_test.cpp
              ${CMAKE_CURRENT_LIST_DIR}/price_cli_test.cpp ${CMAKE_CURRENT_LIST_DIR}/hostile_cli_test.cpp
              LINKS nlohmann_json::nlohmann_json LABELS fast ARGS "~every shipped*")
target_compile_definitions(golden_cli PRIVATE TOKENFAB_BINARY="$<TARGET_FILE:tokenfab>")
add_dependencies(golden_cli tokenfab)
# The shipped scenarios as a test of their own, so that both run at once.
add_test(NAME golden_scenarios COMMAND golden_cli "every shipped*")
set_tests_properties(golden_scenarios PROPERTIES LABELS fast COST 20)
set_tests_properties(golden_cli PROPERTIES COST 30)
