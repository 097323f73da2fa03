#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace tokenfab {

/// Step time at a fixed batch composition as a function of the decode KV tokens K: piecewise linear, in exact
/// integer ticks. Each decode step adds one token per sequence, so k steps from K0 with n sequences cost
/// sum of at(K0 + i * n), i = 0 .. k - 1, which has a closed form; the sums are integers and therefore equal to
/// stepping one by one to the last bit.
class KvLine {
 public:
  /// T(K) = base for every K.
  explicit KvLine(Ticks base = 0) : base_(base) {}

  /// T(K) = base + max(offset_a + slope_a * K, offset_b + slope_b * K); slopes in ticks per KV token, >= 0.
  KvLine(Ticks base, Ticks offset_a, std::int64_t slope_a, Ticks offset_b, std::int64_t slope_b);

  /// T(K) = base + straight lines through `points`, the last one going on; 1 to kMostPoints points, K ascending from 0,
  /// T never falling. knot() is the first point at or above `knot`.
  struct Point {
    std::int64_t kv = 0;
    Ticks ticks = 0;
  };
  static constexpr std::size_t kMostPoints = 12;
  KvLine(Ticks base, const std::vector<Point>& points, std::int64_t knot);

  Ticks at(std::int64_t kv) const {
    const Segment& s = segments_[find(kv)];
    return base_ + s.offset + static_cast<Ticks>(s.slope) * kv;
  }
  /// Duration of `steps` >= 0 steps that start at `kv` tokens and gain `growth` >= 0 tokens a step.
  Ticks sum(std::int64_t kv, std::int64_t growth, std::int64_t steps) const;

  /// The fewest steps (>= 1, at most `limit`) whose duration is at least `target` ticks.
  std::int64_t steps_to_reach(std::int64_t kv, std::int64_t growth, Ticks target, std::int64_t limit) const;

  /// The share of sum() that is not base: the KV-dependent part, below and from the knot.
  struct Parts {
    Ticks low = 0, high = 0;
  };
  Parts kv_parts(std::int64_t kv, std::int64_t growth, std::int64_t steps) const;

  Ticks base() const { return base_; }
  std::int64_t knot() const { return knot_; }

 private:
  struct Segment {
    Ticks offset = 0;
    std::int64_t slope = 0;
    std::int64_t end = INT64_MAX;  // the segment holds K < end
    Ticks sum(std::int64_t kv, std::int64_t growth, std::int64_t steps) const {
      const Ticks pairs = steps * (steps - 1) / 2;
      return static_cast<Ticks>(steps) * (offset + static_cast<Ticks>(slope) * kv) +
             static_cast<Ticks>(slope) * growth * pairs;
    }
    /// How many steps from `kv` < end start below it; growth > 0.
    std::int64_t below(std::int64_t kv, std::int64_t growth) const { return (end - kv - 1) / growth + 1; }
  };
  std::size_t find(std::int64_t kv) const {
    std::size_t i = 0;
    while (kv >= segments_[i].end) ++i;
    return i;
  }

  Ticks base_;
  std::int64_t knot_ = INT64_MAX;              // an end of a segment
  std::array<Segment, kMostPoints> segments_;  // the last one in use ends at INT64_MAX
};

}  // namespace tokenfab
