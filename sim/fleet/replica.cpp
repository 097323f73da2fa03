#include "sim/fleet/replica.h"

#include <cmath>

#include "base/error.h"

namespace tokenfab {

Replica::Replica(int pool, int index, const BatcherSpec& batcher, std::unique_ptr<Executor> executor, bool stepwise,
                 RunRecorder& recorder, Ns front_end)
    : pool_(pool),
      index_(index),
      front_end_(front_end),
      recorder_(recorder),
      batcher_(Batcher::make(batcher)),
      executor_(std::move(executor)),
      stepwise_(stepwise ? std::make_unique<StepwiseExecutor>(*executor_) : nullptr),
      clock_(stepwise ? static_cast<Executor*>(stepwise_.get()) : executor_.get()) {
  executor_->attach(*batcher_);
}

void Replica::speculate(std::shared_ptr<const DraftLuck> luck, std::uint64_t seed, std::uint32_t replication) {
  luck_ = std::move(luck);
  seed_ = seed;
  replication_ = replication;
}

/// The first token comes with the prompt; the others need whole steps.
std::int64_t Replica::service(const Request& request) const {
  if (!luck_) return 0;
  const Pace& pace = batcher_->spec().pace;
  RandomStream random(seed_, replication_, StreamPurpose::speculation, static_cast<std::uint32_t>(request.id));
  return pace.quanta + luck_->steps(request.output_tokens - 1, random) * pace.at(0);
}

Standing Replica::standing(const Request& request) const {
  const Scheduling& s = batcher_->spec().scheduling;
  Standing out{request.priority, request.variant, 0};
  if (s.queue == QueueOrder::deadline) out.key = request.deadline > 0 ? request.deadline : INT64_MAX;
  if (s.queue != QueueOrder::shortest_job) return out;
  double tokens = request.output_tokens;
  if (s.prediction_error > 0) {
    RandomStream random(seed_, replication_, StreamPurpose::prediction, static_cast<std::uint32_t>(request.id));
    tokens *= std::exp(s.prediction_error * random.normal());
  }
  // Ageing at one rate for all leaves the order that the requests had on arrival.
  constexpr double kPerToken = 1e3;
  tokens += s.ageing_tokens_per_s * seconds_from_ns(request.arrival);
  out.key = std::llround(kPerToken * std::min(tokens, 1e15));
  return out;
}

template <class Change>
void Replica::change(Change&& body) {
  const std::int64_t waiting = batcher_->waiting(), running = batcher_->running();
  body();
  recorder_.change(batcher_->waiting() - waiting, batcher_->running() - running);
}

bool Replica::arrive(Ns now, const Request& request, bool wait) {
  Slot slot = kNoSlot;
  Batcher::Verdict verdict{};
  change([&] {
    verdict = batcher_->enqueue(request.input_tokens, request.output_tokens, slot, service(request), standing(request));
  });
  if (verdict != Batcher::Verdict::accepted) {
    recorder_.rejected(now, request, verdict == Batcher::Verdict::queue_full);
    return false;
  }
  if (slot >= tracked_.size()) {
    tracked_.resize(slot + 1);
    present_.resize(slot + 1);
  }
  tracked_[slot] = {request, -1, -1, front_end_};
  present_[slot] = true;
  executor_->accepted(slot, request.id);
  if (!running_) return !wait && begin(ticks_from_ns(now));
  if (progress_.steps == 1 || !batcher_->joinable(slot)) return false;
  const Progress cut = clock_->run(batcher_->current(), start_, now);
  if (cut.steps >= progress_.steps) return false;
  progress_ = cut;
  ++epoch_;
  return true;
}

bool Replica::begin(Ticks start) {
  change([&] { batcher_->plan(); });
  const StepPlan& plan = batcher_->current();
  running_ = !plan.empty();
  if (!running_) return false;
  for (const Slot slot : batcher_->scheduled()) tracked_[slot].scheduled = floor_ns(start);
  start_ = start;
  progress_ = clock_->run(plan, start, kNever);
  ++epoch_;
  return true;
}

/// Tokens belong to the series bin in which their step ends.
void Replica::record_tokens(Ns end) {
  const StepPlan& plan = batcher_->current();
  SeriesRecorder& series = recorder_.series();
  const Pace& pace = batcher_->spec().pace;
  const std::int64_t each = plan.sums.decode_sequences * pace.at(plan.sums.decode_sequences);
  const auto decode = [&](std::int64_t steps) {  // whole tokens
    const std::int64_t before = decoded_ / pace.quanta;
    decoded_ += each * steps;
    return decoded_ / pace.quanta - before;
  };
  std::int64_t done = 0;
  if (progress_.steps > 1) {
    series.bin(end);
    for (Ns edge = series.bin_end(floor_ns(start_)); edge <= end;) {
      const Progress to_edge = executor_->run(plan, start_, edge);  // the first step that ends at or after the edge
      series.bin(edge - 1).output_tokens += decode(to_edge.steps - 1 - done);
      done = to_edge.steps - 1;
      edge = series.bin_end(std::min(floor_ns(to_edge.end), end));
    }
  }
  SeriesBin& last = series.bin(end);
  last.output_tokens += decode(progress_.steps - done) + plan.sums.prefill_outputs;
  last.input_tokens += plan.sums.prefill_tokens;
}

bool Replica::step_done() {
  const Ns now = due();
  clock_->committed(batcher_->current(), progress_.steps);
  record_tokens(now);
  busy_ += progress_.end - start_;
  change([&] { batcher_->complete(progress_.steps); });
  for (const Slot slot : batcher_->first_tokens()) tracked_[slot].first_token = now;
  for (const Slot slot : batcher_->finished()) {
    const Request& request = tracked_[slot].request;
    served_.input_tokens += request.input_tokens;
    served_.cached_tokens += request.cached_tokens;
    served_.output_tokens += request.output_tokens;
    recorder_.finished(now, tracked_[slot], batcher_->sequence(slot).preemptions, pool_, index_);
    present_[slot] = false;
    batcher_->release(slot);
  }
  return begin(progress_.end);
}

void Replica::abandon(Ns now) {
  for (Slot slot = 0; slot < tracked_.size(); ++slot)
    if (present_[slot]) recorder_.unfinished(now, tracked_[slot], batcher_->sequence(slot).preemptions, pool_, index_);
}

void Replica::check() const {
  if (!running_) batcher_->check();  // a plan in progress holds blocks for tokens that are not there yet
  if (outstanding() == 0)
    require(batcher_->kv().free() == batcher_->kv().total(), "all KV blocks are free when the factory is empty");
}

}  // namespace tokenfab
