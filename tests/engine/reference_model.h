#pragma once
#include <vector>

#include "engine/model_config.h"
#include "engine/weight_source.h"

namespace tokenfab::engine {

/// Logits [tokens, vocab] of a whole sequence in double precision, written from the models' definitions without the
/// engine's kernels, fused weights or cache: the oracle of the model graph. Latent attention is computed with the
/// up-projections applied to every cached token, not absorbed.
std::vector<double> reference_logits(const ModelConfig& config, const WeightSource& source,
                                     const std::vector<std::int32_t>& tokens);

}  // namespace tokenfab::engine
