tokenfab_test(engine_cuda_ops SOURCES ${CMAKE_CURRENT_LIST_DIR}/cuda_ops_test.cpp
              ${CMAKE_CURRENT_LIST_DIR}/cuda_ops_attention_test.cpp ${CMAKE_CURRENT_LIST_DIR}/cuda_ops_moe_test.cpp
              ${CMAKE_CURRENT_LIST_DIR}/cuda_ops_sample_test.cpp
              LINKS tokenfab_kernels_emulated LABELS fast)
