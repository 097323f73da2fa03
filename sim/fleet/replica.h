#pragma once
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "sim/fleet/run_recorder.h"
#include "sim/serving/batcher.h"

namespace tokenfab {

/// What befell a request on its way to a replica.
struct Journey {
  Ns way_back = 0;               // added to its latencies: tokens travel to the client
  std::int32_t preemptions = 0;  // elsewhere
  std::uint8_t origin = 0;       // region of the client
};

/// One engine instance: a batcher, the executor that says how long its steps take, and the requests inside.
/// Times: arrivals in ns, its own clock in exact ticks.
class Replica {
 public:
  Replica(int pool, int index, const BatcherSpec& batcher, std::unique_ptr<Executor> executor, bool stepwise,
          RunRecorder& recorder, Ns front_end = 0);
  /// Outputs take as many decode steps as `luck` draws for them; this and predictions of lengths from streams of each
  /// request's own.
  void speculate(std::shared_ptr<const DraftLuck> luck, std::uint64_t seed, std::uint32_t replication);

  std::int64_t outstanding() const { return batcher_->waiting() + batcher_->running(); }

  /// A request arrives. Returns true where the end of the current step or span changed: see due(). With `wait`, an idle
  /// replica does not begin a step: more requests arrive at this instant.
  /// `prefix`: the chained hashes of the prompt's whole prefix blocks, where the pool caches them.
  bool arrive(Ns now, const Request& request, bool wait = false, std::span<const std::uint64_t> prefix = {},
              const Journey& journey = {});
  /// A request comes from a prefill replica with its cache of `bytes`. Returns as arrive().
  bool arrive_cached(Ns now, const RunRecorder::Tracked& tracked, double bytes);
  bool fits_cached(const Request& request) const;

  /// Requests whose prompt was computed here for other replicas, since the last call; they stay until let_go().
  std::vector<Slot> take_prefilled() { return std::exchange(prefilled_, {}); }
  bool has_prefilled() const { return !prefilled_.empty(); }
  const RunRecorder::Tracked& tracked(Slot slot) const { return tracked_[slot]; }
  /// The cache of such a request has left.
  RunRecorder::Tracked let_go(Slot slot);
  /// Blocks have become free: an idle replica looks again whether a step can begin. Returns true where one has.
  bool resume(Ns now) { return !running_ && begin(ticks_from_ns(now)); }

  /// The current step or span is over. Returns true where another has begun.
  bool step_done();

  /// When the current step or span ends, to the ns below.
  Ns due() const { return floor_ns(progress_.end); }
  std::uint32_t epoch() const { return epoch_; }  // changes whenever due() does

  /// The run stops at `now`: of a span, the steps that are over by then count; returns them.
  std::int64_t stop(Ns now);
  /// The replica is taken away at `now`, after all steps that end by then: returns what was inside, whose work is lost.
  /// Only what it did until then may be asked of it afterwards.
  std::vector<RunRecorder::Tracked> evict(Ns now);
  /// Where this replaces another, whose epochs were below `epoch`.
  void continue_epochs(std::uint32_t epoch) { epoch_ = epoch; }
  /// What is left then.
  void abandon(Ns now);
  /// Throws InternalError where blocks, sequences or busy time do not add up.
  void check() const;

  const Batcher& batcher() const { return *batcher_; }
  const Executor& executor() const { return *executor_; }
  Ticks busy() const { return busy_; }

  struct Served {
    std::int64_t input_tokens = 0, cached_tokens = 0, output_tokens = 0;
    double transferred_bytes = 0;
    std::int64_t lost_tokens = 0;  // KV tokens of evicted requests
  };
  const Served& served() const { return served_; }

 private:
  bool begin(Ticks start);
  bool joined(Ns now, Slot slot, const RunRecorder::Tracked& tracked, bool wait);
  void account();
  void record_tokens(Ns end);
  void finish(Ns now, Slot slot);
  void hold(Slot slot);
  void settle_cached(Slot slot);
  std::int64_t service(const Request& request, std::int32_t output) const;
  Standing standing(const Request& request) const;
  template <class Change>
  void change(Change&& body);  // keeps the recorder's counts in step with the batcher's

  int pool_, index_;
  Ns front_end_;
  RunRecorder& recorder_;
  std::unique_ptr<Batcher> batcher_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<StepwiseExecutor> stepwise_;
  Executor* clock_;                            // executor_, or stepwise_ in front of it
  std::vector<RunRecorder::Tracked> tracked_;  // by slot
  std::vector<bool> present_;
  std::vector<Slot> prefilled_;
  std::shared_ptr<const DraftLuck> luck_;
  std::uint64_t seed_ = 0;
  std::uint32_t replication_ = 0;
  std::int64_t decoded_ = 0;  // quanta that decode steps have yielded
  Served served_;
  Ticks start_ = 0, busy_ = 0;
  Progress progress_;
  bool running_ = false;
  std::uint32_t epoch_ = 0;
};

}  // namespace tokenfab
