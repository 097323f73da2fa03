tokenfab_test(engine_emulator SOURCES ${CMAKE_CURRENT_LIST_DIR}/emulator_test.cpp
              ${CMAKE_CURRENT_LIST_DIR}/emulated_matmul_test.cpp LINKS tokenfab_kernels_emulated LABELS fast)
target_compile_definitions(engine_emulator PRIVATE TOKENFAB_EMULATE)
