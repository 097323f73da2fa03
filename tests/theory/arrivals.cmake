tokenfab_test(theory_arrivals
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/arrivals_test.cpp ${CMAKE_CURRENT_LIST_DIR}/arrivals_lengths_test.cpp
  LINKS tokenfab_workload LABELS theory)
