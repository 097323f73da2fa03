#include "hwmodels/kv_line.h"

#include <algorithm>
#include <cmath>

namespace tokenfab {

KvLine::KvLine(Ticks base, Ticks offset_a, std::int64_t slope_a, Ticks offset_b, std::int64_t slope_b) : base_(base) {
  Segment flat{offset_a, slope_a}, steep{offset_b, slope_b};
  if (flat.slope > steep.slope) std::swap(flat, steep);
  if (steep.offset >= flat.offset || steep.slope == flat.slope) {
    low_ = steep.offset >= flat.offset ? steep : flat;
    return;
  }
  low_ = flat;
  high_ = steep;
  const Ticks rise = flat.offset - steep.offset;
  const Ticks gain = steep.slope - flat.slope;
  const Ticks knot = (rise + gain - 1) / gain;
  if (knot < INT64_MAX) knot_ = static_cast<std::int64_t>(knot);
}

std::int64_t KvLine::steps_below_knot(std::int64_t kv, std::int64_t growth, std::int64_t steps) const {
  if (kv >= knot_) return 0;
  if (growth == 0) return steps;
  const Ticks below = (static_cast<Ticks>(knot_) - kv + growth - 1) / growth;
  return below < steps ? static_cast<std::int64_t>(below) : steps;
}

KvLine::Parts KvLine::kv_parts(std::int64_t kv, std::int64_t growth, std::int64_t steps) const {
  const std::int64_t below = steps_below_knot(kv, growth, steps);
  return {low_.sum(kv, growth, below), high_.sum(kv + below * growth, growth, steps - below)};
}

Ticks KvLine::sum(std::int64_t kv, std::int64_t growth, std::int64_t steps) const {
  const Parts parts = kv_parts(kv, growth, steps);
  return static_cast<Ticks>(steps) * base_ + parts.low + parts.high;
}

std::int64_t KvLine::steps_to_reach(std::int64_t kv, std::int64_t growth, Ticks target, std::int64_t limit) const {
  if (target <= at(kv) || limit <= 1) return 1;
  // Solve the quadratic of the first step's segment in floating point, then settle on exact integers.
  const Segment& s = kv < knot_ ? low_ : high_;
  const double half = 0.5 * static_cast<double>(s.slope) * static_cast<double>(growth);
  const double goal = static_cast<double>(target);
  const double linear = static_cast<double>(at(kv)) - half;
  const double root = 2.0 * goal / (linear + std::sqrt(linear * linear + 4.0 * half * goal));
  std::int64_t low = 1, high = limit;  // at(kv) = sum(1) < target
  if (root < static_cast<double>(limit)) {
    const auto guess = std::max<std::int64_t>(static_cast<std::int64_t>(std::ceil(root)), 2);
    (sum(kv, growth, guess) >= target ? high : low) = guess;
    const std::int64_t next = high == guess ? guess - 1 : std::min(guess + 1, limit);
    if (next > low && next < high) (sum(kv, growth, next) >= target ? high : low) = next;
  }
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (sum(kv, growth, middle) >= target ? high : low) = middle;
  }
  return high;
}

}  // namespace tokenfab
