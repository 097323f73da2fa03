tokenfab_test(theory_market
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/market_demand_test.cpp ${CMAKE_CURRENT_LIST_DIR}/market_projection_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/market_competition_test.cpp ${CMAKE_CURRENT_LIST_DIR}/market_exchange_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/market_regions_test.cpp
  LINKS tokenfab_market LABELS fast)
