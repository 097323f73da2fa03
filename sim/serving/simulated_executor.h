#pragma once
#include <memory>
#include <vector>

#include "hwmodels/trust.h"
#include "sim/core/records.h"
#include "sim/serving/executor.h"

namespace tokenfab {

/// What moving things into a replica's chips takes, all of them together.
struct TransferCosts {
  double seconds_per_block = 0;  // of KV cache, chip to host or back
  double seconds_per_load = 0;   // of a variant
};

/// Step times from a StepModel; also keeps the account of where busy time went. Decode-only spans are only counted
/// (steps by batch size, KV-dependent ticks); their split by operator is folded at the end.
class SimulatedExecutor final : public Executor {
 public:
  explicit SimulatedExecutor(std::shared_ptr<const StepModel> model, TransferCosts transfers = {});

  Progress run(const StepPlan& plan, Ticks start, Ns until) override;
  void committed(const StepPlan& plan, std::int64_t steps) override;

  struct Account {
    /// Seconds by phase (0 prefill, 1 decode), operator class and bound.
    std::array<std::array<std::array<double, kBounds>, kOpClasses>, 2> seconds{};
    Ticks busy = 0;
    Ticks transfer = 0;  // of busy, StepPlan::transfer: prefill, bound by the network
    std::int64_t steps = 0;
    double flop = 0, bytes = 0;
    Ticks swaps_and_loads = 0;  // of busy; in the class "send"
    double phase_seconds(int phase) const;
    void add(const Account& other);
  };
  Account account() const;
  Reach reach() const;

 private:
  struct Mixed {  // the plan priced last, kept because committed() needs what run() computed
    std::uint64_t serial = 0;
    StepSeconds seconds;
    Ticks ticks = 0;
  };
  struct Span {  // the decode-only steps timed last, for the same reason
    std::uint64_t serial = 0;
    std::int64_t steps = 0;
    KvLine::Parts kv_ticks;
  };
  struct DecodeCount {
    std::int64_t steps = 0;
    std::int64_t kv = 0;       // StepModel::kv_units, summed over steps
    std::int64_t most_kv = 0;  // of one step, mixed ones included
    KvLine::Parts kv_ticks;
  };
  const Mixed& price(const StepPlan& plan);
  const Span& span(const StepPlan& plan, std::int64_t steps);
  void account_mixed(const StepPlan& plan);
  void account_transfers(const StepPlan& plan);
  Ticks transfer_ticks(const StepPlan& plan) const;

  std::shared_ptr<const StepModel> model_;
  TransferCosts transfers_;
  Mixed mixed_;
  Span span_;
  std::vector<DecodeCount> decode_;  // by batch size
  Account mixed_account_;
  std::int64_t most_mixed_tokens_ = 0;
};

}  // namespace tokenfab
