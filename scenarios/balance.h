#pragma once
#include <cstdint>
#include <optional>

#include "scenarios/scenario.h"

namespace tokenfab {

/// What one replica of a pool can do at most, at a workload's mean lengths.
struct PhaseCapacity {
  std::int64_t sequences = 0;  // in its step: prompts, or sequences decoding
  double step_s = 0;
  double tokens_per_s = 0;    // prompt tokens prefilled, or output tokens decoded
  double requests_per_s = 0;  // of the mean request
};

struct MeanLengths {
  double input = 0, output = 0;
  std::int64_t requests = 0;  // looked at
};

/// Over the first 10,000 requests of the workload.
MeanLengths mean_lengths(const WorkloadPlan& workload, std::uint64_t seed);

/// Steps of whole mean prompts, as many as the token budget and the cache hold; a longer prompt takes several steps.
PhaseCapacity prefill_capacity(const PoolSpec& pool, const MeanLengths& mean);
/// Steps of as many sequences, half their output written, as the cache holds, max_sequences allows, and an objective
/// of `tpot_s` (0: none) leaves; at least one.
PhaseCapacity decode_capacity(const PoolSpec& pool, const MeanLengths& mean, double tpot_s);

}  // namespace tokenfab
