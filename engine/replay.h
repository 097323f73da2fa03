#pragma once
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "sim/core/records.h"
#include "sim/fleet/factory.h"
#include "sim/workload/request.h"

namespace tokenfab::engine {

/// A trace held in memory, fit to an engine: at most `requests`, lengths capped, arrivals scaled.
struct ReplayTrace {
  std::vector<Request> requests;
  std::vector<std::uint64_t> hash_ids;
  std::int64_t shortened = 0;  // requests whose input or output was capped
};
struct TraceFit {
  std::int64_t requests = 200;
  std::int32_t max_input = 0, max_output = 0;  // 0: as in the trace
  double rate_scale = 1;                       // > 1: arrivals come faster
};
ReplayTrace fit_trace(RequestSource& source, const TraceFit& fit);

/// Reads a trace that is in memory and outlives it.
class MemorySource final : public RequestSource {
 public:
  explicit MemorySource(const ReplayTrace& trace) : trace_(trace) {}
  void read(RequestBatch& batch, std::size_t limit) override;

 private:
  const ReplayTrace& trace_;
  std::size_t next_ = 0;
};

/// Deterministic prompts: token j of request r from (seed, r, j); the first `shared` tokens are the same for all; with
/// hash ids in the trace, each block of `hash_tokens` tokens follows from its id, so that equal prefixes share pages.
PromptSource synthetic_prompts(const ReplayTrace& trace, std::int64_t vocab, std::uint64_t seed,
                               std::int64_t shared = 0, std::int64_t hash_tokens = 512);

/// Replays the trace through the engine under the simulator's batcher and fills `record` (latencies, usage, rows) as a
/// simulation would; `log` gets steps and outputs.
void replay(Engine& engine, const ReplayTrace& trace, const PromptSource& prompts, RunRecord& record, EngineRecord& log,
            const std::function<void(const SimulationProgress&)>& progress = {});

}  // namespace tokenfab::engine
