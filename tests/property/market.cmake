tokenfab_test(property_market SOURCES ${CMAKE_CURRENT_LIST_DIR}/market_test.cpp
              ${CMAKE_CURRENT_LIST_DIR}/market_capacity_test.cpp LINKS tokenfab_market ${RAPIDCHECK} LABELS fast)
set_tests_properties(property_market PROPERTIES ENVIRONMENT "RC_PARAMS=seed=1 max_success=300")
