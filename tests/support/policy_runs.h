#pragma once
#include "tests/support/runs.h"

namespace tokenfab::testing {

/// Rows by request id of one factory of one pool.
inline RunRecord run_pool(const PoolSpec& pool, const std::vector<Request>& requests, bool stepwise = false) {
  FactorySpec spec;
  spec.pools = {pool};
  return run_factory(spec, requests, stepwise);
}

/// `servers` sequences at a time, memory without end, every step of `step`: a queue whose service times are outputs.
inline PoolSpec queue_pool(int servers, Ns step, Scheduling scheduling) {
  PoolSpec pool;
  pool.name = "queue";
  pool.batcher.max_sequences = servers;
  pool.batcher.token_budget = 1 << 20;
  pool.batcher.kv_blocks = 1 << 30;
  pool.batcher.scheduling = scheduling;
  pool.executor = [step] { return std::make_unique<ConstantExecutor>(step); };
  return pool;
}

}  // namespace tokenfab::testing
