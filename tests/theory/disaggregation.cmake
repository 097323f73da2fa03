tokenfab_test(theory_disaggregation SOURCES ${CMAKE_CURRENT_LIST_DIR}/disaggregation_test.cpp LINKS tokenfab_fleet
              LABELS fast)
