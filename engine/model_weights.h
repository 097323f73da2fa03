#pragma once
#include <functional>
#include <string>
#include <vector>

#include "engine/model_config.h"
#include "engine/quantize.h"
#include "engine/weight_source.h"
#include "kernels/backend.h"

namespace tokenfab::engine {

/// How projections are stored. Embedding, head, norms and routers stay bf16.
struct WeightFormat {
  kernels::DType type = kernels::DType::bf16;
  /// Replaces round-to-nearest where given (calibrated int4); `name` is the fused matrix's first tensor.
  std::function<HostMatrix(const std::string& name, const HostMatrix&)> quantizer;
};

/// One layer's weights in a backend's memory. Which are filled follows from the config.
struct LayerWeights {
  const kernels::bf16* input_norm = nullptr;
  const kernels::bf16* post_norm = nullptr;
  const kernels::bf16* q_norm = nullptr;
  const kernels::bf16* k_norm = nullptr;
  kernels::Weight qkv;  // rows: all q heads, all k heads, all v heads
  kernels::Weight out;
  // Latent attention: q, compressed kv, and per head the key's up-projection (transposed) and the value's.
  kernels::Weight q, kv_down;
  const kernels::bf16* kv_norm = nullptr;
  std::vector<kernels::Weight> key_up, value_up;
  // Dense or shared-expert MLP; rows of gate_up: gate, then up.
  kernels::Weight gate_up, down;
  // Routed experts.
  kernels::Weight router;
  std::vector<kernels::Weight> expert_gate_up, expert_down;
};

struct ModelWeights {
  kernels::Weight embedding, head;
  const kernels::bf16* final_norm = nullptr;
  std::vector<LayerWeights> layers;
  std::int64_t bytes = 0;
};

/// Sees a projection before and after quantization.
using WeightVisitor = std::function<void(const std::string& name, const HostMatrix&, const HostMatrix&)>;

/// Reads, quantizes and loads; `layers` < 0: all.
ModelWeights load_weights(kernels::Backend& backend, const ModelConfig& config, const WeightSource& source,
                          const WeightFormat& format, std::int64_t layers = -1, const WeightVisitor& visit = {});

}  // namespace tokenfab::engine
