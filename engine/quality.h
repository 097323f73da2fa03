#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace tokenfab::engine {

/// What quantization does to a model, on random token sequences.
struct QuantizationQuality {
  std::string type, method;
  double weight_error = 0;        // ||W - Q||_F / ||W||_F over all projections together
  double worst_weight_error = 0;  // of one matrix
  std::string worst_matrix;
  double logit_kl = 0;        // mean KL(original || quantized) per position, nats
  double top1_agreement = 0;  // share of positions with the same argmax
  std::int64_t positions = 0;
  std::int64_t bytes_original = 0, bytes_quantized = 0;
};

/// `method`: "rtn" (round to nearest) or "gptq" (int4 only: calibrated on the inputs that the original's layers see on
/// other random sequences). UserError where the two do not go together.
QuantizationQuality quantization_quality(kernels::Backend& backend, const std::string& model, std::uint64_t seed,
                                         kernels::DType type, const std::string& method, std::int64_t sequences,
                                         std::int64_t length);

}  // namespace tokenfab::engine
