tokenfab_test(property_fleet SOURCES ${CMAKE_CURRENT_LIST_DIR}/fleet_test.cpp ${CMAKE_CURRENT_LIST_DIR}/fleet_scaling_test.cpp
              LINKS tokenfab_fleet tokenfab_workload LABELS fast)
