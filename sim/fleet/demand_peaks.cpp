#include "sim/fleet/demand_peaks.h"

#include <algorithm>

namespace tokenfab {

void DemandPeaks::add(Ns arrival, std::size_t region, std::int64_t tokens) {
  by_region_[region][arrival / window_] += static_cast<double>(tokens);
}

double DemandPeaks::pooling_gain() const {
  const auto peak = [](const std::map<std::int64_t, double>& demand) {
    double most = 0;
    for (const auto& [window, tokens] : demand) most = std::max(most, tokens);
    return most;
  };
  std::map<std::int64_t, double> all;
  double peaks = 0;
  for (const auto& demand : by_region_) {
    peaks += peak(demand);
    for (const auto& [window, tokens] : demand) all[window] += tokens;
  }
  return peaks > 0 ? 1 - peak(all) / peaks : 0;
}

}  // namespace tokenfab
