tokenfab_test(property_sessions SOURCES ${CMAKE_CURRENT_LIST_DIR}/sessions_test.cpp LINKS tokenfab_fleet tokenfab_workload LABELS fast)
