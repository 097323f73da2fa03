#pragma once
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hwmodels/step_model.h"
#include "sim/core/records.h"
#include "sim/fleet/fleet_spec.h"
#include "sim/fleet/kv_transfer.h"
#include "sim/fleet/prompt_prefix.h"
#include "sim/serving/batcher.h"
#include "sim/serving/simulated_executor.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// What a pool does of each request: everything, or its prompt and first token, or the other tokens.
enum class PoolRole { both, prefill, decode };
inline constexpr std::array<const char*, 3> kPoolRoleNames = {"both", "prefill", "decode"};

/// Identical replicas of one deployment.
struct PoolSpec {
  std::string name;
  std::shared_ptr<const StepModel> model;
  BatcherSpec batcher;
  int replicas = 1;
  /// Replaces the simulated executor (tests, a real engine); then the pool's usage has no step times.
  std::function<std::unique_ptr<Executor>()> executor;
  std::shared_ptr<const DraftLuck> luck = {};  // of speculative decoding; with batcher.pace
  PrefixSpec prefix = {};                      // with batcher.prefix_cache
  double prefix_block_bytes = 0;               // of its KV cache, on all chips of a replica
  TransferCosts transfer_costs = {};           // of the batcher's swaps and variants
  Ns front_end = 0;  // added to each request's latencies: what passes between client and engine
  PoolRole role = PoolRole::both;
  std::vector<KvTransfer> transfers = {};  // to a decode pool, by index of the prefill pool; other entries are unused
  PoolFleetSpec fleet = {};                // where its replicas come and go, `replicas` are there at time 0
  /// Replicas that it may have.
  int slots() const { return fleet.scaling ? fleet.scaling->max : replicas; }
};

/// Takes from the pool's model what its batcher has to know of it: step and cache sizes, context, attention window,
/// speculation.
void fit_to_model(PoolSpec& pool);

struct FactorySpec {
  std::vector<PoolSpec> pools;
  std::string router = "least-outstanding";
  std::uint64_t seed = 1;
  std::uint32_t replication = 0;
  bool stepwise = false;
  GatewaySpec gateway = {};
  std::int64_t expected_requests = 0;  // 0: unknown; tells what a run that is out of memory would have needed
  double horizon_s = 0;                // stop the clock here, with work in flight; 0 = run until all is done
};

struct SimulationProgress {
  std::int64_t offered = 0, finished = 0;
  double simulated_s = 0;
};

/// Replays `requests` through the factory and fills counts, latencies, series, pools (usage) and rows of `record`,
/// which brings its SLO, keeps_rows and, where rows are to wait on disk, spooled_rows. Deterministic. Throws
/// InternalError where a conservation law is broken, Infeasible where the memory budget is used up.
void simulate(const FactorySpec& spec, RequestSource& requests, RunRecord& record,
              const std::function<void(const SimulationProgress&)>& progress = {});

}  // namespace tokenfab
