#include "sim/workload/lengths.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

std::int32_t whole_tokens(double value) {
  return static_cast<std::int32_t>(std::llround(std::clamp(value, 1.0, static_cast<double>(kMaxTokens))));
}

/// `Law` has quantile_of(u); draws are quantiles of uniforms, with no virtual call per draw.
template <class Law>
class InverseSampler final : public LengthSampler {
 public:
  explicit InverseSampler(Law law) : law_(std::move(law)) {}
  std::int32_t quantile(double u) const override { return law_.quantile_of(u); }
  void fill(std::span<std::int32_t> out, RandomStream& random) const override {
    for (auto& tokens : out) tokens = law_.quantile_of(random.uniform());
  }

 private:
  Law law_;
};

class FixedSampler final : public LengthSampler {
 public:
  explicit FixedSampler(std::int32_t tokens) : tokens_(tokens) {}
  std::int32_t quantile(double) const override { return tokens_; }
  void fill(std::span<std::int32_t> out, RandomStream&) const override { std::fill(out.begin(), out.end(), tokens_); }

 private:
  std::int32_t tokens_;
};

struct UniformLaw {
  double low, count;
  std::int32_t quantile_of(double u) const { return static_cast<std::int32_t>(low + std::floor(u * count)); }
};

struct GeometricLaw {
  double log_failure;  // log(1 - 1/mean), below 0
  std::int32_t quantile_of(double u) const { return whole_tokens(std::ceil(std::log1p(-u) / log_failure)); }
};

struct ZipfLaw {
  std::int32_t low;
  std::vector<double> cumulative;
  std::int32_t quantile_of(double u) const {
    const auto it = std::upper_bound(cumulative.begin(), cumulative.end() - 1, u);
    return low + static_cast<std::int32_t>(it - cumulative.begin());
  }
};

/// Piecewise linear; `start_` says for each 1/256th of the unit interval where its search begins.
class QuantileLaw {
 public:
  explicit QuantileLaw(const std::vector<std::pair<double, double>>& knots) : knots_(knots), start_(kGuides) {
    std::size_t k = 0;
    for (std::size_t g = 0; g < kGuides; ++g) {
      while (k + 2 < knots_.size() && knots_[k + 1].first <= static_cast<double>(g) / kGuides) ++k;
      start_[g] = k;
    }
  }
  std::int32_t quantile_of(double u) const {
    std::size_t k = start_[static_cast<std::size_t>(u * kGuides)];
    while (k + 2 < knots_.size() && knots_[k + 1].first <= u) ++k;
    const auto [p0, v0] = knots_[k];
    const auto [p1, v1] = knots_[k + 1];
    return whole_tokens(p1 > p0 ? v0 + (v1 - v0) * (u - p0) / (p1 - p0) : v1);
  }

 private:
  static constexpr std::size_t kGuides = 256;
  std::vector<std::pair<double, double>> knots_;
  std::vector<std::size_t> start_;
};

class LognormalSampler final : public LengthSampler {
 public:
  explicit LognormalSampler(LognormalLength law) : law_(std::move(law)) {
    double sum = 0;
    for (double w : law_.weights) sum += w;
    for (double& w : law_.weights) w /= sum;
  }
  void fill(std::span<std::int32_t> out, RandomStream& random) const override {
    for (auto& tokens : out) {
      double u = random.uniform();
      std::size_t k = 0;
      for (; k + 1 < law_.weights.size() && u >= law_.weights[k]; ++k) u -= law_.weights[k];
      tokens = capped(law_.mu[k] + law_.sigma[k] * inverse_normal(std::clamp(u / law_.weights[k], 1e-15, 1 - 1e-15)));
    }
  }
  std::int32_t quantile(double u) const override {
    double low = -50, high = 50;  // log tokens
    while (high - low > 1e-12) {
      const double middle = 0.5 * (low + high);
      (below(middle) < u ? low : high) = middle;
    }
    return capped(high);
  }

 private:
  double below(double log_tokens) const {
    double p = 0;
    for (std::size_t k = 0; k < law_.weights.size(); ++k)
      p += law_.weights[k] * 0.5 * std::erfc((law_.mu[k] - log_tokens) / (law_.sigma[k] * std::numbers::sqrt2));
    return p;
  }
  std::int32_t capped(double log_tokens) const {
    const double tokens = std::exp(std::min(log_tokens, 40.0));
    return whole_tokens(std::clamp(tokens, static_cast<double>(law_.min), static_cast<double>(law_.max)));
  }
  LognormalLength law_;
};

class Builder {
 public:
  explicit Builder(const char* field) : field_(field) {}

  std::unique_ptr<LengthSampler> operator()(const FixedLength& law) const {
    tokens("tokens", law.tokens);
    return std::make_unique<FixedSampler>(static_cast<std::int32_t>(law.tokens));
  }
  std::unique_ptr<LengthSampler> operator()(const UniformLength& law) const {
    range(law.low, law.high);
    const UniformLaw uniform{static_cast<double>(law.low), static_cast<double>(law.high - law.low + 1)};
    return std::make_unique<InverseSampler<UniformLaw>>(uniform);
  }
  std::unique_ptr<LengthSampler> operator()(const GeometricLength& law) const {
    if (!(law.mean >= 1 && law.mean <= 1e7)) fail("mean is " + shortest(law.mean) + "; it must be in 1..1e7");
    if (law.mean == 1) return std::make_unique<FixedSampler>(1);
    return std::make_unique<InverseSampler<GeometricLaw>>(GeometricLaw{std::log1p(-1.0 / law.mean)});
  }
  std::unique_ptr<LengthSampler> operator()(const ZipfLength& law) const {
    range(law.low, law.high);
    if (law.high - law.low >= 1 << 20) fail("a Zipf range may hold at most 1048576 lengths");
    if (!(std::abs(law.exponent) <= 20)) fail("exponent is " + shortest(law.exponent) + "; it must be in -20..20");
    ZipfLaw zipf{static_cast<std::int32_t>(law.low), {}};
    double sum = 0;
    for (auto n = law.low; n <= law.high; ++n) {
      sum += std::pow(static_cast<double>(n) / static_cast<double>(law.low), -law.exponent);
      zipf.cumulative.push_back(sum);
    }
    for (double& c : zipf.cumulative) c /= sum;
    return std::make_unique<InverseSampler<ZipfLaw>>(std::move(zipf));
  }
  std::unique_ptr<LengthSampler> operator()(const QuantileLength& law) const {
    const auto& k = law.knots;
    if (k.size() < 2) fail("quantiles need at least two (p, tokens) pairs");
    if (k.front().first != 0 || k.back().first != 1) fail("quantiles must run from p = 0 to p = 1");
    for (std::size_t i = 0; i < k.size(); ++i) {
      if (!(k[i].second >= 1 && k[i].second <= static_cast<double>(kMaxTokens)))
        fail("quantile " + shortest(k[i].second) + " tokens is outside 1..100000000");
      if (i > 0 && !(k[i].first >= k[i - 1].first && k[i].second >= k[i - 1].second))
        fail("quantiles must not fall: (" + shortest(k[i].first) + ", " + shortest(k[i].second) + ") after (" +
             shortest(k[i - 1].first) + ", " + shortest(k[i - 1].second) + ")");
    }
    return std::make_unique<InverseSampler<QuantileLaw>>(QuantileLaw(k));
  }
  std::unique_ptr<LengthSampler> operator()(const LognormalLength& law) const {
    const std::size_t n = law.weights.size();
    if (n == 0 || law.mu.size() != n || law.sigma.size() != n)
      fail("a lognormal mixture needs as many weights, mu and sigma, at least one of each");
    for (std::size_t i = 0; i < n; ++i)
      if (!(law.weights[i] > 0 && law.weights[i] <= 1e9 && std::abs(law.mu[i]) <= 40 && law.sigma[i] > 0 &&
            law.sigma[i] <= 20))
        fail("lognormal component " + std::to_string(i) + " needs weight > 0, |mu| <= 40 and 0 < sigma <= 20");
    range(law.min, law.max);
    return std::make_unique<LognormalSampler>(law);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw UserError(std::string(field_) + " length: " + why); }
  void tokens(const char* name, std::int64_t value) const {
    if (value < 1 || value > kMaxTokens)
      fail(std::string(name) + " is " + std::to_string(value) + "; it must be in 1..100000000");
  }
  void range(std::int64_t low, std::int64_t high) const {
    tokens("low", low);
    tokens("high", high);
    if (low > high) fail("low " + std::to_string(low) + " is above high " + std::to_string(high));
  }
  const char* field_;
};

}  // namespace

std::unique_ptr<LengthSampler> make_lengths(const LengthSpec& spec, const char* field) {
  return std::visit(Builder(field), spec);
}

double mean_length(const LengthSpec& spec) {
  if (const auto* fixed = std::get_if<FixedLength>(&spec)) return static_cast<double>(fixed->tokens);
  const auto sampler = make_lengths(spec, "workload");
  constexpr int kPoints = 65536;  // midpoint rule on the inverse distribution function
  double sum = 0;
  for (int i = 0; i < kPoints; ++i) sum += sampler->quantile((i + 0.5) / kPoints);
  return sum / kPoints;
}

}  // namespace tokenfab
