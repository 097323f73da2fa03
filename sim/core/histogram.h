#pragma once
#include <bit>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace tokenfab {

/// Log-linear histogram of non-negative integers (nanoseconds): 128 sub-buckets an octave, so a quantile
/// is within 0.4 % of the sample's. Merging is addition: the result does not depend on order or threads.
class Histogram {
 public:
  static constexpr int kSubBits = 7;

  void add(std::int64_t value) {
    const std::size_t bucket = bucket_of(value);
    if (bucket >= counts_.size()) [[unlikely]]
      grow(bucket + 1);
    ++counts_[bucket];
    ++count_;
    sum_ += value;
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
  }
  void merge(const Histogram& other);

  std::int64_t count() const { return count_; }
  double mean() const;  // 0 when empty
  std::int64_t min() const { return count_ ? min_ : 0; }
  std::int64_t max() const { return count_ ? max_ : 0; }
  Int128 sum() const { return sum_; }
  /// Value at rank ceil(p * count), 0 <= p <= 1, interpolated inside its bucket and clamped to [min, max].
  double quantile(double p) const;

  /// Bucket counts for storage: bucket i covers [lower(i), lower(i + 1)).
  const std::vector<std::int64_t>& counts() const { return counts_; }
  static std::int64_t lower(std::size_t bucket);
  /// From stored parts; `counts` by bucket.
  static Histogram restore(std::vector<std::int64_t> counts, Int128 sum, std::int64_t min, std::int64_t max);
  static std::size_t bucket_of(std::int64_t value) {
    const auto v = static_cast<std::uint64_t>(value < 0 ? 0 : value);
    if (v < (1u << kSubBits)) return v;
    const int shift = static_cast<int>(std::bit_width(v)) - 1 - kSubBits;
    return (static_cast<std::size_t>(shift + 1) << kSubBits) + ((v >> shift) & ((1u << kSubBits) - 1));
  }

 private:
  void grow(std::size_t buckets);

  std::vector<std::int64_t> counts_;
  std::int64_t count_ = 0;
  Int128 sum_ = 0;
  std::int64_t min_ = INT64_MAX, max_ = INT64_MIN;
};

}  // namespace tokenfab
