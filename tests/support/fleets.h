#pragma once
#include "sim/fleet/factory.h"
#include "sim/fleet/pool_router.h"
#include "sim/fleet/router.h"
#include "sim/workload/generator.h"
#include "tests/support/deployments.h"
#include "tests/support/runs.h"

namespace tokenfab::testing {

/// A pool of small replicas whose steps take time in every term of the model.
inline PoolSpec small_pool(std::int64_t sequences, double slower = 1) {
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.llm.layers = 4;
  d.max_sequences = sequences;
  d.token_budget = sequences + 400;
  d.kv_block_tokens = 16;
  d.time_scale = slower;
  PoolSpec pool;
  pool.model = std::make_shared<StepModel>(d);
  pool.batcher.policy = "chunked";
  pool.batcher.max_sequences = sequences;
  pool.batcher.token_budget = d.token_budget;
  pool.batcher.kv_block_tokens = 16;
  pool.batcher.kv_blocks = 400;
  return pool;
}

/// Poisson arrivals whose rate goes up and down once in `day_s`.
inline GeneratorSpec diurnal(double mean_rate, double day_s, double days, std::uint64_t seed) {
  GeneratorSpec g;
  g.arrivals.rate = mean_rate;
  for (int i = 0; i < 24; ++i) g.arrivals.profile.push_back(1 - 0.8 * std::cos(2 * 3.14159265358979 * (i + 0.5) / 24));
  g.arrivals.profile_window_s = day_s / 24;
  g.input = UniformLength{20, 300};
  g.output = UniformLength{5, 120};
  g.duration_s = day_s * days;
  g.seed = seed;
  return g;
}

/// The time integral of a pool's replicas between two instants, from the series of counts.
inline double replica_seconds(const RunRecord& r, int pool, Ns from, Ns to) {
  double sum = 0;
  int count = 0;
  Ns since = from;
  for (const ReplicaCount& c : r.fleet->counts) {
    if (c.pool != pool) continue;
    const Ns at = std::clamp(c.time, from, to);
    sum += count * seconds_from_ns(at - since);
    since = at;
    count = c.ready + c.booting + c.draining;
  }
  return sum + count * seconds_from_ns(to - since);
}

}  // namespace tokenfab::testing
