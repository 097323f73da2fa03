#pragma once
#include <cstdint>

#include "sim/workload/request.h"

namespace tokenfab {

/// Lengths in tokens; quantiles interpolate linearly between order statistics, sd divides by n.
struct LengthStats {
  double mean = 0, sd = 0, p10 = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
  std::int64_t total = 0;
};

/// Time runs from the first arrival; the last, partial bin of each width is left out. NaN = not defined (too short).
struct WorkloadStats {
  std::int64_t requests = 0;
  double span_s = 0;  // first to last arrival
  double rate = 0;    // requests / span
  double gap_cv = 0;  // of inter-arrival times
  double gap_max_s = 0;
  double dispersion_1s = 0, dispersion_10s = 0, dispersion_60s = 0;  // variance / mean of counts; Poisson = 1
  double peak_to_mean_1s = 0, peak_to_mean_60s = 0;
  double minute_autocorrelation = 0;  // Pearson, minute counts against the next minute's
  LengthStats input, output;
  double in_out_correlation = 0;  // Pearson
};

/// Reads the source to its end; keeps 8 bytes per request.
WorkloadStats measure(RequestSource& source);

}  // namespace tokenfab
