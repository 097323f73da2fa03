#pragma once
#include <string>
#include <vector>

#include "audit/claim.h"
#include "audit/numbers.h"

namespace tokenfab::audit {

/// Where in its range a claim holds.
struct Solution {
  enum class Extent { everywhere, somewhere, nowhere };
  Extent extent = Extent::nowhere;
  double low = 0, high = 0;                 // somewhere: the widest interval found in which it holds
  bool from_start = false, to_end = false;  // it reaches the ends of the range
  std::vector<double> recomputed;           // at the low end of the range, then at the high end, where they exist
  std::string infeasible;                   // the arithmetic, where no point of the range can work
};

/// Judges the claim (which has a range) on a grid over it and bisects the edges; a window narrower than the grid is
/// found where the recomputed number crosses the said one. `numbers` is left at a point where it holds, if any.
Solution solve(const Claim& claim, const std::vector<double>& said, Numbers& numbers);

}  // namespace tokenfab::audit
