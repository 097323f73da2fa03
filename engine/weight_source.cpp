#include "engine/weight_source.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/random_weights.h"

namespace tokenfab::engine {
namespace {

using kernels::bf16;

bool ends_with(const std::string& name, const std::string& end) {
  return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

float sigma_of(const std::string& name, std::int64_t cols, std::int64_t layers) {
  const float fan_in = 1.0f / std::sqrt(static_cast<float>(cols));
  if (ends_with(name, "embed_tokens.weight")) return 1.0f;
  if (ends_with(name, "lm_head.weight")) return 4.0f * fan_in;
  if (ends_with(name, "gate.weight")) return 2.0f * fan_in;  // router
  if (ends_with(name, "o_proj.weight") || ends_with(name, "down_proj.weight") || ends_with(name, "w2.weight"))
    return fan_in / std::sqrt(2.0f * static_cast<float>(layers));
  return fan_in;
}

float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000u) << 16, rest = h & 0x7fffu;
  if (rest >= 0x7c00u) return kernels::float_of(sign | 0x7f800000u | ((rest & 0x3ffu) << 13));
  if (rest < 0x400u) {
    const float f = std::ldexp(static_cast<float>(rest), -24);
    return sign ? -f : f;
  }
  return kernels::float_of(sign | ((rest << 13) + (112u << 23)));
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace

std::vector<bf16> RandomWeights::tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const {
  const std::uint64_t key = kernels::weight_key(seed_, name.c_str());
  const bool norm = cols == 1;
  const float sigma = norm ? 0.1f : sigma_of(name, cols, layers_);
  std::vector<bf16> out(static_cast<std::size_t>(rows * cols));
#pragma omp parallel for schedule(static) if (rows * cols > 100000)
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = bf16(kernels::random_weight(key, i, sigma) + (norm ? 1.0f : 0.0f));
  return out;
}

std::vector<bf16> StoredWeights::tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const {
  const Safetensors::Entry& e = file_.at(name);
  const std::vector<std::int64_t> want =
      cols == 1 ? std::vector<std::int64_t>{rows} : std::vector<std::int64_t>{rows, cols};
  if (e.shape != want)
    throw UserError(e.file + ": tensor \"" + name + "\" is " + shape_text(e.shape) + ", the config asks for " +
                    shape_text(want));
  std::vector<bf16> out(static_cast<std::size_t>(rows * cols));
  if (e.dtype == "BF16") {
    std::memcpy(out.data(), e.data, e.bytes);
  } else if (e.dtype == "F32" || e.dtype == "F16") {
    for (std::size_t i = 0; i < out.size(); ++i) {
      float f;
      std::uint16_t h;
      if (e.dtype == "F32") std::memcpy(&f, e.data + 4 * i, 4);
      else std::memcpy(&h, e.data + 2 * i, 2), f = half_to_float(h);
      out[i] = bf16(f);
    }
  } else {
    throw UserError(e.file + ": tensor \"" + name + "\" is " + e.dtype + "; allowed: BF16, F16, F32");
  }
  return out;
}

std::vector<bf16> NoisyWeights::tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const {
  std::vector<bf16> out = base_.tensor(name, rows, cols);
  double squares = 0, sum = 0;
  for (const bf16 w : out) sum += static_cast<float>(w), squares += std::pow(static_cast<float>(w), 2);
  const double n = static_cast<double>(out.size()), mean = sum / n;
  const auto spread = static_cast<float>(std::sqrt(std::max(0.0, squares / n - mean * mean)));
  const std::uint64_t key = kernels::weight_key(seed_, name.c_str());
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = bf16(static_cast<float>(out[i]) + kernels::random_weight(key, i, sigma_ * spread));
  return out;
}

}  // namespace tokenfab::engine
