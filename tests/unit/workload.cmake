tokenfab_test(unit_workload
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/workload_readers_test.cpp ${CMAKE_CURRENT_LIST_DIR}/workload_order_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/workload_clients_test.cpp ${CMAKE_CURRENT_LIST_DIR}/workload_sessions_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/workload_generator_test.cpp ${CMAKE_CURRENT_LIST_DIR}/workload_data_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/workload_usage_test.cpp
  LINKS tokenfab_workload nlohmann_json::nlohmann_json Boost::iostreams LABELS fast)
