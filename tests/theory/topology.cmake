find_package(Boost 1.74 REQUIRED COMPONENTS graph)
tokenfab_test(theory_topology
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/topology_test.cpp ${CMAKE_CURRENT_LIST_DIR}/collectives_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/faults_test.cpp ${CMAKE_CURRENT_LIST_DIR}/topology_dot_test.cpp
  LINKS tokenfab_hwmodels Boost::graph LABELS fast)
