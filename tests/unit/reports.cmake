tokenfab_test(unit_reports
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/reports_test.cpp ${CMAKE_CURRENT_LIST_DIR}/reports_failures_test.cpp
                      ${CMAKE_CURRENT_LIST_DIR}/reports_html_test.cpp
              LINKS tokenfab_reports SQLite::SQLite3 nlohmann_json::nlohmann_json LABELS fast)
