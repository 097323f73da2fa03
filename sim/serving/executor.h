#pragma once
#include <cstdint>

#include "base/time.h"
#include "hwmodels/step_model.h"

namespace tokenfab {

class Batcher;
using Slot = std::uint32_t;

/// What the next step contains. A decode-only plan may be repeated: each repetition adds one token per sequence.
struct StepPlan {
  StepSums sums;
  Ticks transfer = 0;        // time in which cached prefixes come from slower memories, before the step's work
  std::int64_t repeats = 0;  // the plan stays valid for this many steps; 0 = nothing to do
  std::uint64_t serial = 0;  // differs between plans of one batcher
  /// Before the step, and not repeated with it: KV blocks moved between chip and host, variants loaded.
  std::int64_t swapped_blocks = 0, variant_loads = 0;

  bool empty() const { return repeats == 0; }
  bool decode_only() const { return sums.prefill_tokens == 0; }
  bool has_transfers() const { return swapped_blocks > 0 || variant_loads > 0; }
};

struct Progress {
  std::int64_t steps = 0;
  Ticks end = 0;
};

/// Says how long steps take: a model in simulation, a clock on a real engine.
class Executor {
 public:
  virtual ~Executor() = default;

  /// The batcher whose plans this will run; called first. A real engine reads from it what a plan's sums stand for.
  virtual void attach(Batcher& batcher) { (void)batcher; }
  /// A request was accepted into `slot`; called before the next plan. `request`: its id in the workload.
  virtual void accepted(Slot slot, std::int64_t request) {
    (void)slot;
    (void)request;
  }

  /// Runs `plan` from `start`, at most plan.repeats times, up to the first step boundary at or after `until`
  /// (kNever: all repeats). A simulated executor is a pure function here and may be asked again with another `until`.
  virtual Progress run(const StepPlan& plan, Ticks start, Ns until) = 0;

  /// The plan is over after `steps` steps; called once per plan, before the batcher completes it. For accounts, and for
  /// telling the batcher of accepted drafts.
  virtual void committed(const StepPlan& plan, std::int64_t steps) {
    (void)plan;
    (void)steps;
  }
};

/// Advances one step at a time whatever the plan allows: the oracle for spans.
class StepwiseExecutor final : public Executor {
 public:
  explicit StepwiseExecutor(Executor& inner) : inner_(inner) {}
  Progress run(const StepPlan& plan, Ticks start, Ns until) override { return inner_.run(single(plan), start, until); }
  void committed(const StepPlan& plan, std::int64_t steps) override { inner_.committed(single(plan), steps); }

 private:
  static StepPlan single(StepPlan plan) {
    plan.repeats = 1;
    return plan;
  }
  Executor& inner_;
};

}  // namespace tokenfab
