#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "base/time.h"

namespace tokenfab {

/// What each region asks for, window by window.
class DemandPeaks {
 public:
  DemandPeaks(std::size_t regions, double window_s) : window_(ns_from_seconds(window_s)), by_region_(regions) {}

  void add(Ns arrival, std::size_t region, std::int64_t tokens);
  /// What serving all regions from one place saves: 1 - peak(sum of demands) / sum of peaks. Demands are tokens asked
  /// for in a window, which replicas needed follow in proportion; 0 without demand.
  double pooling_gain() const;

 private:
  Ns window_;
  std::vector<std::map<std::int64_t, double>> by_region_;  // by window
};

}  // namespace tokenfab
