tokenfab_fuzz(fuzz_scenario ${CMAKE_CURRENT_LIST_DIR}/scenario_fuzz.cpp LINKS tokenfab_scenarios)
tokenfab_fuzz(fuzz_safetensors ${CMAKE_CURRENT_LIST_DIR}/model_fuzz.cpp LINKS tokenfab_engine
              DEFINES TOKENFAB_FUZZ_CONFIG=0)
tokenfab_fuzz(fuzz_model_config ${CMAKE_CURRENT_LIST_DIR}/model_fuzz.cpp LINKS tokenfab_engine
              DEFINES TOKENFAB_FUZZ_CONFIG=1)
add_custom_target(fuzzers DEPENDS fuzz_scenario fuzz_safetensors fuzz_model_config fuzz_trace_auto fuzz_trace_azure
  fuzz_trace_burstgpt fuzz_trace_mooncake fuzz_trace_vidur fuzz_trace_csv fuzz_trace_jsonl fuzz_trace_openai-usage)
