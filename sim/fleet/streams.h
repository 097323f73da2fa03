#pragma once
#include "sim/core/records.h"
#include "sim/fleet/factory.h"

namespace tokenfab {

/// A closed loop of equal requests: `concurrency` of them at any time, the next one sent the moment that one ends, as
/// benchmark clients do. All streams begin at time 0.
struct StreamsSpec {
  std::int64_t concurrency = 1, requests = 1;
  std::int32_t input = 1, output = 1;
  /// Outputs spread evenly over output * (1 +- spread), so that streams do not stay in step as equal ones would.
  double spread = 0;
};

/// Runs the streams through one replica of the pool and fills counts and latencies of `record`. Deterministic.
void simulate_streams(const PoolSpec& pool, const StreamsSpec& streams, RunRecord& record);

}  // namespace tokenfab
