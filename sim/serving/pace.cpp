#include "sim/serving/pace.h"

#include <cmath>

#include "base/error.h"

namespace tokenfab {

DraftLuck::DraftLuck(std::vector<double> gains) : gains_(std::move(gains)) {
  double total = 0, square = 0;
  for (std::size_t i = 0; i < gains_.size(); ++i) {
    const double tokens = static_cast<double>(i + 1);
    total += gains_[i];
    mean_ += tokens * gains_[i];
    square += tokens * tokens * gains_[i];
  }
  require(std::fabs(total - 1) < 1e-9, "the chances of a step's gains add up to 1");
  variance_ = std::max(0.0, square - mean_ * mean_);
  overshoot_ = (square - mean_) / (2 * mean_);
}

std::int64_t DraftLuck::gain(RandomStream& random) const {
  double u = random.uniform();
  for (std::size_t i = 0; i + 1 < gains_.size(); ++i)
    if ((u -= gains_[i]) < 0) return static_cast<std::int64_t>(i + 1);
  return static_cast<std::int64_t>(gains_.size());
}

std::int64_t DraftLuck::steps(std::int64_t tokens, RandomStream& random) const {
  if (tokens <= kExact) {
    std::int64_t steps = 0;
    for (std::int64_t got = 0; got < tokens; got += gain(random)) ++steps;
    return steps;
  }
  const double n = static_cast<double>(tokens), spread = std::sqrt(n * variance_ / (mean_ * mean_ * mean_));
  const auto fewest = static_cast<std::int64_t>(std::ceil(n / static_cast<double>(gains_.size())));
  return std::clamp<std::int64_t>(std::llround(mean_steps(tokens) + spread * random.normal()), fewest, tokens);
}

}  // namespace tokenfab
