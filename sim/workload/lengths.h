#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/rng.h"

namespace tokenfab {

/// Tokens per request; every law is rounded to whole tokens and kept in 1..kMaxTokens.
inline constexpr std::int64_t kMaxTokens = 100'000'000;

struct FixedLength {
  std::int64_t tokens = 1;
};
/// Every whole number in [low, high] alike.
struct UniformLength {
  std::int64_t low = 1, high = 1;
};
/// P(n) = (1 - 1/mean)^(n-1) / mean, n >= 1: the memoryless law in whole tokens.
struct GeometricLength {
  double mean = 1;
};
/// P(n) proportional to n^-exponent for n in [low, high], at most 2^20 values.
struct ZipfLength {
  std::int64_t low = 1, high = 1;
  double exponent = 1;
};
/// Inverse distribution function through (p, tokens) knots, linear between them; p runs from 0 to 1 and neither
/// coordinate falls. Two knots with the same tokens make a spike.
struct QuantileLength {
  std::vector<std::pair<double, double>> knots;
};
/// Weighted lognormals; draws outside [min, max] are moved to the nearer end.
struct LognormalLength {
  std::vector<double> weights, mu, sigma;
  std::int64_t min = 1, max = kMaxTokens;
};

using LengthSpec =
    std::variant<FixedLength, UniformLength, GeometricLength, ZipfLength, QuantileLength, LognormalLength>;

class LengthSampler {
 public:
  virtual ~LengthSampler() = default;
  /// Inverse distribution function, 0 < u < 1; never falls as u grows.
  virtual std::int32_t quantile(double u) const = 0;
  /// Independent draws, one uniform each (none for a fixed length).
  virtual void fill(std::span<std::int32_t> out, RandomStream& random) const = 0;
};

/// `field` ("input", "output") opens the messages. Errors: UserError with the value and what is allowed.
std::unique_ptr<LengthSampler> make_lengths(const LengthSpec& spec, const char* field);

/// Expected tokens per request.
double mean_length(const LengthSpec& spec);

}  // namespace tokenfab
