#pragma once
#include <functional>
#include <string>

#include "scenarios/scenario.h"

namespace tokenfab {

struct RunOptions {
  bool stepwise = false;
  int jobs = 0;              // worker threads; 0 = all cores
  bool bands = false;        // simulate each alternative's first replication twice more, for Bands
  bool capacity = false;     // search for the capacity of each alternative that has a plan (scenarios/capacity.h)
  std::optional<bool> rows;  // keep per-request rows; default: where the workload has under a million requests
  std::string row_folder;    // where rows wait on disk for the end of their run; "": in memory
};

struct RunProgress {
  std::string alternative;
  int replication = 0;
  std::int64_t offered = 0, finished = 0;
  std::int64_t expected = 0;  // requests in the workload; 0 = unknown
  double simulated_s = 0;
};

/// Sizes the pools that say "replicas": "fewest" (scenarios/sizing.h), alternatives in parallel, on the first
/// replication. Errors: Infeasible, unless the scenario lists what is infeasible.
void size_scenario(Scenario& scenario, const RunOptions& options);

/// Runs every alternative and replication, in parallel, and hands each record to `done` in a fixed order (alternative,
/// then replication). Replication r of every alternative sees the same requests. `progress` may be called from any
/// thread.
void run_scenario(const Scenario& scenario, const RunOptions& options, const std::function<void(RunRecord&&)>& done,
                  const std::function<void(const RunProgress&)>& progress = {});

/// What is known of a run before it starts: names, seed, scenario text, assumptions.
RunRecord planned_record(const Scenario& scenario, const Alternative& alternative, int replication,
                         const RunOptions& options);

/// One run, priced; with bands where the options ask for them, it is the first replication, and an error is known.
RunRecord run_once(const Scenario& scenario, const Alternative& alternative, int replication, const RunOptions& options,
                   const std::function<void(const RunProgress&)>& progress = {});

}  // namespace tokenfab
