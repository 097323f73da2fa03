tokenfab_test(unit_trust SOURCES ${CMAKE_CURRENT_LIST_DIR}/trust_test.cpp LINKS tokenfab_fleet LABELS fast)
