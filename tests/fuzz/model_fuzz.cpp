// Model files: any bytes give a model's config or tensors, or one of our errors.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "engine/model_config.h"
#include "engine/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
#if TOKENFAB_FUZZ_CONFIG
    const auto config = tokenfab::engine::ModelConfig::from_text(text, "config.json");
    if (config.layers < 100) config.parameters();
#else
    const tokenfab::engine::Safetensors file(text, "model.safetensors");
    std::uint64_t sum = 0;
    for (const auto& name : file.names())
      for (std::size_t i = 0; i < file.at(name).bytes; ++i) sum += static_cast<unsigned char>(file.at(name).data[i]);
    if (sum == 1) __asm__ volatile("");
#endif
  } catch (const tokenfab::UserError&) {
  }
  return 0;
}
