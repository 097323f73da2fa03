tokenfab_test(property_policies SOURCES ${CMAKE_CURRENT_LIST_DIR}/policies_test.cpp LINKS tokenfab_fleet LABELS fast)
