#include "sim/fleet/demand_peaks.h"

#include <algorithm>

namespace tokenfab {

void DemandPeaks::add(Ns arrival, std::size_t region, std::int64_t tokens) {
  std::vector<double>& demand = by_region_[region];
  const auto window = static_cast<std::size_t>(arrival / window_);
  if (demand.size() <= window) demand.resize(window + 1);
  demand[window] += static_cast<double>(tokens);
}

double DemandPeaks::pooling_gain() const {
  std::vector<double> all;
  double peaks = 0;
  for (const auto& demand : by_region_) {
    if (demand.empty()) continue;
    peaks += *std::max_element(demand.begin(), demand.end());
    all.resize(std::max(all.size(), demand.size()));
    for (std::size_t i = 0; i < demand.size(); ++i) all[i] += demand[i];
  }
  return peaks > 0 ? 1 - *std::max_element(all.begin(), all.end()) / peaks : 0;
}

}  // namespace tokenfab
