tokenfab_test(golden_audit SOURCES ${CMAKE_CURRENT_LIST_DIR}/audit_cli_test.cpp
              LINKS nlohmann_json::nlohmann_json LABELS fast)
target_compile_definitions(golden_audit PRIVATE TOKENFAB_BINARY="$<TARGET_FILE:tokenfab>")
add_dependencies(golden_audit tokenfab)
