tokenfab_test(unit_audit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/audit_engine_test.cpp ${CMAKE_CURRENT_LIST_DIR}/audit_files_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/audit_claims_test.cpp ${CMAKE_CURRENT_LIST_DIR}/audit_properties_test.cpp
          ${CMAKE_SOURCE_DIR}/cli/record_json.cpp ${CMAKE_SOURCE_DIR}/cli/cost_detail.cpp ${CMAKE_SOURCE_DIR}/cli/pnl.cpp
          ${CMAKE_SOURCE_DIR}/cli/fleet_notes.cpp
  LINKS tokenfab_audit tokenfab_reports SQLite::SQLite3 nlohmann_json::nlohmann_json LABELS fast)
target_compile_definitions(unit_audit PRIVATE TOKENFAB_VERSION="test")
