#pragma once
#include <string>
#include <vector>

#include "sim/core/records.h"

namespace tokenfab {

/// What gets a band, by its place in the JSON of a run; NaN where it does not exist. Whether a run is saturated counts
/// as 0 or 1.
struct BandMetric {
  const char* name;
  double (*value)(const RunRecord&);
};
const std::vector<BandMetric>& band_metrics();

/// The range of every metric over the three; a metric that `run` does not have gets none.
std::vector<Band> bands_over(const RunRecord& run, const RunRecord& faster, const RunRecord& slower);

/// Takes out the bands of costs, where prices changed after the simulation, and says so.
void drop_cost_bands(Bands& bands);

}  // namespace tokenfab
