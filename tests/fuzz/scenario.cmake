tokenfab_fuzz(fuzz_scenario ${CMAKE_CURRENT_LIST_DIR}/scenario_fuzz.cpp LINKS tokenfab_scenarios)
tokenfab_fuzz(fuzz_safetensors ${CMAKE_CURRENT_LIST_DIR}/model_fuzz.cpp LINKS tokenfab_engine
              DEFINES TOKENFAB_FUZZ_CONFIG=0)
tokenfab_fuzz(fuzz_model_config ${CMAKE_CURRENT_LIST_DIR}/model_fuzz.cpp LINKS tokenfab_engine
              DEFINES TOKENFAB_FUZZ_CONFIG=1)
