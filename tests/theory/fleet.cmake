tokenfab_test(theory_fleet SOURCES ${CMAKE_CURRENT_LIST_DIR}/fleet_test.cpp LINKS tokenfab_fleet tokenfab_workload LABELS fast)
