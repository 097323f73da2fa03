tokenfab_test(engine_ops SOURCES ${CMAKE_CURRENT_LIST_DIR}/ops_test.cpp LINKS tokenfab_kernel_cases LABELS fast)
if(TARGET tokenfab_kernels_emulated)
  target_link_libraries(engine_ops PRIVATE tokenfab_kernels_emulated)
  target_compile_definitions(engine_ops PRIVATE TOKENFAB_HAS_EMULATOR)
endif()
tokenfab_test(engine_emulated SOURCES ${CMAKE_CURRENT_LIST_DIR}/emulated_engine_test.cpp
              LINKS tokenfab_engine tokenfab_kernels_emulated LABELS fast)
