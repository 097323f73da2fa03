#pragma once
#include <string>

#include "base/rng.h"
#include "sim/serving/scheduling.h"

namespace tokenfab::testing {

inline Scheduling random_scheduling(RandomStream& r, const std::string& policy, std::int64_t max_sequences) {
  Scheduling s;
  s.queue = static_cast<QueueOrder>(r.below(4));
  if (s.queue == QueueOrder::priority) {
    s.preempt = r.below(2);
    s.batch_share = r.below(2) ? 1 : 0.1 + 0.8 * r.uniform();
  }
  if (s.queue == QueueOrder::shortest_job) {
    s.prediction_error = r.below(2) ? 0 : 0.7;
    s.ageing_tokens_per_s = r.below(2) ? 0 : 100;
  }
  if (policy == "chunked" && r.below(2)) s.mixed_budget = max_sequences + 1 + static_cast<std::int64_t>(r.below(100));
  if (policy == "chunked" && !s.preempt && r.below(3) == 0) s.max_step_s = 2e-4 + 2e-3 * r.uniform();
  s.swap = r.below(2);
  if (r.below(2)) {
    s.variants.slots = static_cast<std::int32_t>(1 + r.below(4));
    s.variants.count = s.variants.slots + static_cast<std::int32_t>(r.below(4));
  }
  return s;
}

}  // namespace tokenfab::testing
