tokenfab_test(unit_prefix_cache
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/prefix_cache_test.cpp ${CMAKE_CURRENT_LIST_DIR}/prefix_traces_test.cpp
          ${CMAKE_CURRENT_LIST_DIR}/prefix_router_test.cpp ${CMAKE_CURRENT_LIST_DIR}/prefix_scenario_test.cpp
  LINKS tokenfab_scenarios nlohmann_json::nlohmann_json LABELS fast)
