tokenfab_test(theory_anchors
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/anchors_arithmetic_test.cpp ${CMAKE_CURRENT_LIST_DIR}/anchors_large_ep_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/anchors_users_test.cpp
  LINKS tokenfab_hwmodels LABELS fast)
tokenfab_test(theory_anchors_day
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/anchors_day_test.cpp ${CMAKE_CURRENT_LIST_DIR}/scenario_claims_test.cpp
  LINKS tokenfab_scenarios LABELS theory)
