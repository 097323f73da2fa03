tokenfab_test(theory_queueing SOURCES ${CMAKE_CURRENT_LIST_DIR}/queueing_test.cpp LINKS tokenfab_fleet tokenfab_economics LABELS fast)
tokenfab_test(theory_roofline SOURCES ${CMAKE_CURRENT_LIST_DIR}/roofline_test.cpp LINKS tokenfab_hwmodels LABELS fast)
tokenfab_test(theory_techniques SOURCES ${CMAKE_CURRENT_LIST_DIR}/techniques_test.cpp LINKS tokenfab_hwmodels LABELS fast)
