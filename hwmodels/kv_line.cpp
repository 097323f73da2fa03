#include "hwmodels/kv_line.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tokenfab {

KvLine::KvLine(Ticks base, Ticks offset_a, std::int64_t slope_a, Ticks offset_b, std::int64_t slope_b) : base_(base) {
  Segment flat{offset_a, slope_a}, steep{offset_b, slope_b};
  if (flat.slope > steep.slope) std::swap(flat, steep);
  if (steep.offset >= flat.offset || steep.slope == flat.slope) {
    segments_[0] = steep.offset >= flat.offset ? steep : flat;
    return;
  }
  const Ticks rise = flat.offset - steep.offset;
  const Ticks gain = steep.slope - flat.slope;
  const Ticks knot = (rise + gain - 1) / gain;
  segments_[0] = flat;
  if (knot >= INT64_MAX) return;
  knot_ = segments_[0].end = static_cast<std::int64_t>(knot);
  segments_[1] = steep;
}

KvLine::KvLine(Ticks base, const std::vector<Point>& points, std::int64_t knot) : base_(base) {
  if (points.empty() || points.size() > kMostPoints || points[0].kv != 0)
    throw InternalError("a KV line needs 1 to 12 points from 0");
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool last = i + 1 == points.size();
    Segment& s = segments_[i];
    if (last) {
      s.slope = i > 0 ? segments_[i - 1].slope : 0;
    } else {
      const std::int64_t run = points[i + 1].kv - points[i].kv;
      if (run <= 0 || points[i + 1].ticks < points[i].ticks) throw InternalError("a KV line's points must ascend");
      s.slope = static_cast<std::int64_t>((points[i + 1].ticks - points[i].ticks) / run);
      s.end = points[i + 1].kv;
    }
    s.offset = points[i].ticks - static_cast<Ticks>(s.slope) * points[i].kv;
    if (s.end >= knot && s.end < knot_) knot_ = s.end;
  }
}

KvLine::Parts KvLine::kv_parts(std::int64_t kv, std::int64_t growth, std::int64_t steps) const {
  Parts parts;
  for (std::size_t i = find(kv); steps > 0; i = find(kv)) {
    const bool all = kv + static_cast<Ticks>(growth) * (steps - 1) < segments_[i].end;
    const std::int64_t here = all ? steps : segments_[i].below(kv, growth);
    (kv < knot_ ? parts.low : parts.high) += segments_[i].sum(kv, growth, here);
    kv += here * growth;
    steps -= here;
  }
  return parts;
}

Ticks KvLine::sum(std::int64_t kv, std::int64_t growth, std::int64_t steps) const {
  const Parts parts = kv_parts(kv, growth, steps);
  return static_cast<Ticks>(steps) * base_ + parts.low + parts.high;
}

std::int64_t KvLine::steps_to_reach(std::int64_t kv, std::int64_t growth, Ticks target, std::int64_t limit) const {
  if (target <= at(kv) || limit <= 1) return 1;
  // Solve the quadratic of the first step's segment in floating point, then settle on exact integers.
  const Segment& s = segments_[find(kv)];
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
