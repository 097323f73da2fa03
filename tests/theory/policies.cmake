tokenfab_test(theory_policies SOURCES ${CMAKE_CURRENT_LIST_DIR}/priority_queues_test.cpp
              ${CMAKE_CURRENT_LIST_DIR}/policies_test.cpp ${CMAKE_CURRENT_LIST_DIR}/batching_claims_test.cpp LINKS tokenfab_fleet LABELS fast)
