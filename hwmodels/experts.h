#pragma once
#include <vector>

#include "hwmodels/types.h"

namespace tokenfab {

/// How routed experts are asked for, and how evenly that loads the chips that hold them.
struct ExpertRouting {
  double zipf = 0;    // popularity of the i-th expert falls as i^-zipf; 0: all alike
  int redundant = 0;  // copies of the busiest experts beside the first of each
};

/// Experts of one layer on `chips` chips that hold whole experts (1: every expert on every chip's group).
class ExpertLoad {
 public:
  ExpertLoad(const MoeShape& shape, const ExpertRouting& routing, int chips);

  /// Expected share of experts that `tokens` tokens touch: 1 - (1 - k/E)^tokens where all are alike, else the mean over
  /// experts of the same with their own chance.
  double coverage(double tokens) const;
  /// Load of the busiest chip over the mean; 1 where experts are alike. Copies are placed on the least loaded chip with
  /// room, busiest first, and share their expert's tokens evenly.
  double imbalance() const { return imbalance_; }
  /// Chance that a token asks for an expert, busiest first; sums to top_k.
  const std::vector<double>& popularity() const { return popularity_; }

 private:
  double log_untouched_ = 0;  // ln(1 - k/E)
  std::vector<double> popularity_, log_missed_;
  double imbalance_ = 1;
};

}  // namespace tokenfab
