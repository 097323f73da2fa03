#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/model_config.h"
#include "engine/safetensors.h"
#include "kernels/numeric.h"

namespace tokenfab::engine {

/// Where a model's tensors come from, by Hugging Face name, as bf16.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  /// Row-major [rows, cols] (cols == 1: a vector). UserError where it is missing or has another shape or type.
  virtual std::vector<kernels::bf16> tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const = 0;
};

/// Deterministic weights at a model's true shapes: N(0, 1/cols) for projections, with residual branches scaled by
/// 1/sqrt(2 layers), unit embeddings, norms near 1, and a head whose logits spread by about 4 (clear argmax margins).
class RandomWeights final : public WeightSource {
 public:
  RandomWeights(const ModelConfig& config, std::uint64_t seed) : layers_(config.layers), seed_(seed) {}
  std::vector<kernels::bf16> tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const override;

 private:
  std::int64_t layers_;
  std::uint64_t seed_;
};

/// BF16, F16 or F32 tensors of a safetensors file or folder.
class StoredWeights final : public WeightSource {
 public:
  explicit StoredWeights(const std::string& path) : file_(path) {}
  std::vector<kernels::bf16> tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const override;

 private:
  Safetensors file_;
};

/// Another source's weights, each tensor with noise of `sigma` times its own standard deviation: a draft model whose
/// acceptance falls from 1 as sigma grows.
class NoisyWeights final : public WeightSource {
 public:
  NoisyWeights(const WeightSource& base, float sigma, std::uint64_t seed) : base_(base), sigma_(sigma), seed_(seed) {}
  std::vector<kernels::bf16> tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const override;

 private:
  const WeightSource& base_;
  float sigma_;
  std::uint64_t seed_;
};

}  // namespace tokenfab::engine
