#pragma once
#include <functional>
#include <string>
#include <vector>

#include "calibration/engine_fit.h"
#include "engine/replay.h"

namespace tokenfab::calibration {

/// Predict this machine, then run it: the operators are measured and fitted, then the same trace goes through the
/// engine and through the simulator, under the same batcher.
struct ClosedLoopOptions {
  engine::EngineSpec engine;  // model, types, batcher; sized by closed_loop()
  std::string chip;           // catalogue id; "" for this machine as measured
  std::int64_t requests = 24;
  std::int32_t max_input = 256, max_output = 48;
  double load = 0.6;           // arrivals come over the predicted time of serving everything at once, divided by this
  int rounds = 3;              // measuring and replaying alternate this often; medians are compared
  double measure_seconds = 8;  // per round, at most
};

struct SideBySide {
  std::string what;
  double measured = 0, simulated = 0;
  double error() const { return simulated / measured - 1; }
};

struct ClosedLoop {
  Calibration calibration;
  std::string device, model;
  FitError iterations;     // of every iteration of every replay, predicted from its sums
  FitError decode, mixed;  // the same by kind of iteration; n = 0 where there was none
  /// Throughput, mean TTFT, TPOT and E2E at the load asked for, then throughput where everything arrives at once:
  /// medians over the rounds.
  std::vector<SideBySide> metrics;
  /// The simulator fed with the recorded step times: requests or steps whose times or contents differ. Zero means that
  /// engine and simulator take the same decisions.
  std::int64_t schedule_differences = 0;
  std::int64_t steps = 0, requests = 0;
};

/// `source`: where requests come from. UserError where it is empty. `say` hears what is being done.
ClosedLoop closed_loop(kernels::Backend& backend, const ClosedLoopOptions& options,
                       const std::function<std::unique_ptr<RequestSource>()>& source, const Catalog& catalog,
                       const std::function<void(const std::string&)>& say = {});

/// Replays a trace with the step times that an engine recorded, one after the other; counts steps whose sums differ
/// from the recorded ones and requests whose times differ from `measured`.
std::int64_t recorded_differences(const BatcherSpec& batcher, const engine::ReplayTrace& trace,
                                  const engine::EngineRecord& log, const RunRecord& measured);

}  // namespace tokenfab::calibration
