#include "sim/core/histogram.h"

#include <algorithm>
#include <cmath>

namespace tokenfab {

void Histogram::grow(std::size_t buckets) { counts_.resize(buckets); }

void Histogram::merge(const Histogram& other) {
  counts_.resize(std::max(counts_.size(), other.counts_.size()));
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

Histogram Histogram::restore(std::vector<std::int64_t> counts, Int128 sum, std::int64_t min, std::int64_t max) {
  Histogram h;
  for (const std::int64_t n : counts) h.count_ += n;
  h.counts_ = std::move(counts);
  h.sum_ = sum;
  if (h.count_ > 0) h.min_ = min, h.max_ = max;
  return h;
}

double Histogram::mean() const { return count_ ? static_cast<double>(sum_) / static_cast<double>(count_) : 0.0; }

std::int64_t Histogram::lower(std::size_t bucket) {
  if (bucket < (1u << kSubBits)) return static_cast<std::int64_t>(bucket);
  const std::size_t shift = (bucket >> kSubBits) - 1;
  return static_cast<std::int64_t>(((1u << kSubBits) + (bucket & ((1u << kSubBits) - 1))) << shift);
}

double Histogram::quantile(double p) const {
  if (count_ == 0) return 0.0;
  const auto rank =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(p * static_cast<double>(count_))), 1, count_);
  std::int64_t below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (below + counts_[i] < rank) {
      below += counts_[i];
      continue;
    }
    const auto low = static_cast<double>(lower(i)), high = static_cast<double>(lower(i + 1));
    const double inside = (static_cast<double>(rank - below) - 0.5) / static_cast<double>(counts_[i]);
    return std::clamp(low + (high - low) * inside, static_cast<double>(min_), static_cast<double>(max_));
  }
  return static_cast<double>(max_);
}

}  // namespace tokenfab
