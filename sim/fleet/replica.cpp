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
std::int64_t Replica::service(const Request& request, std::int32_t output) const {
  if (!luck_) return 0;
  const Pace& pace = batcher_->spec().pace;
  RandomStream random(seed_, replication_, StreamPurpose::speculation, static_cast<std::uint32_t>(request.id));
  return pace.quanta + luck_->steps(output - 1, random) * pace.at(0);
}

Standing Replica::standing(const Request& request) const {
  const Scheduling& s = batcher_->spec().scheduling;
  Standing out{request.priority, request.variant, 0};
  if (s.queue == QueueOrder::fcfs) return out;
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

bool Replica::arrive(Ns now, const Request& request, bool wait, std::span<const std::uint64_t> prefix,
                     const Journey& journey) {
  const std::int32_t output = batcher_->spec().hold_finished ? 1 : request.output_tokens;
  Slot slot = kNoSlot;
  Batcher::Verdict verdict{};
  change([&] {
    verdict = batcher_->enqueue(request.input_tokens, output, slot, service(request, output), standing(request));
  });
  if (verdict != Batcher::Verdict::accepted) {
    using Rejection = RunRecorder::Rejection;
    const bool full = verdict == Batcher::Verdict::queue_full;
    recorder_.rejected(now, request, full ? Rejection::queue_full : Rejection::too_long);
    return false;
  }
  if (request.encoder_tokens > 0) batcher_->set_encoder(slot, request.encoder_tokens);
  if (!prefix.empty()) batcher_->set_prefix(slot, {prefix.begin(), prefix.end()});
  if (request.cached_tokens > 0 && !batcher_->spec().prefix_cache)
    batcher_->set_recorded_hits(slot, request.cached_tokens);
  RunRecorder::Tracked tracked;
  tracked.request = request;
  tracked.front_end = front_end_ + journey.way_back;
  tracked.preemptions = journey.preemptions;
  tracked.origin = journey.origin;
  return joined(now, slot, tracked, wait);
}

bool Replica::fits_cached(const Request& r) const {
  return batcher_->fits_cached(r.input_tokens, r.output_tokens, service(r, r.output_tokens));
}

bool Replica::arrive_cached(Ns now, const RunRecorder::Tracked& tracked, double bytes) {
  const Request& r = tracked.request;
  Slot slot = kNoSlot;
  change([&] {
    slot = batcher_->enqueue_cached(r.input_tokens, r.output_tokens, service(r, r.output_tokens), standing(r));
  });
  served_.transferred_bytes += bytes;
  return joined(now, slot, tracked, false);
}

/// A request is in the batcher's queue: it may cut the span that runs, or begin a step.
bool Replica::joined(Ns now, Slot slot, const RunRecorder::Tracked& tracked, bool wait) {
  if (slot >= tracked_.size()) {
    tracked_.resize(slot + 1);
    present_.resize(slot + 1);
  }
  tracked_[slot] = tracked;
  present_[slot] = true;
  executor_->accepted(slot, tracked.request.id);
  if (!running_) return !wait && begin(ticks_from_ns(now));
  if (progress_.steps == 1 || !batcher_->joinable(slot)) return false;
  const Progress cut = clock_->run(batcher_->current(), start_, now);
  if (cut.steps >= progress_.steps) return false;
  progress_ = cut;
  ++epoch_;
  return true;
}

RunRecorder::Tracked Replica::let_go(Slot slot) {
  RunRecorder::Tracked out = tracked_[slot];
  out.handed_over = true;
  out.preemptions = batcher_->sequence(slot).preemptions;
  present_[slot] = false;
  batcher_->drop(slot);
  batcher_->release(slot);
  recorder_.change(-1, 0);
  return out;
}

bool Replica::begin(Ticks start) {
  change([&] { batcher_->plan(start); });
  const StepPlan& plan = batcher_->current();
  running_ = !plan.empty();
  if (!running_) return false;
  for (const Slot slot : batcher_->scheduled())
    if (Ns& scheduled = tracked_[slot].scheduled; scheduled < 0) scheduled = floor_ns(start);
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
  const auto whole = [&](std::int64_t quanta) { return pace.quanta == 1 ? quanta : quanta / pace.quanta; };
  const auto decode = [&](std::int64_t steps) {  // whole tokens
    const std::int64_t before = whole(decoded_);
    decoded_ += each * steps;
    return whole(decoded_) - before;
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

/// What this replica did for a request that leaves it.
void Replica::finish(Ns now, Slot slot) {
  const RunRecorder::Tracked& t = tracked_[slot];
  served_.input_tokens += t.handed_over ? 0 : t.request.input_tokens;
  served_.cached_tokens += t.handed_over ? 0 : t.request.cached_tokens;
  served_.output_tokens += t.request.output_tokens - (t.handed_over ? 1 : 0);
  recorder_.finished(now, t, t.preemptions + batcher_->sequence(slot).preemptions, pool_, index_);
  present_[slot] = false;
  if (batcher_->spec().hold_finished) batcher_->drop(slot);
  batcher_->release(slot);
}

/// Until its cache has gone to a decode replica, a request counts as waiting.
void Replica::hold(Slot slot) {
  const Request& request = tracked_[slot].request;
  served_.input_tokens += request.input_tokens;
  served_.cached_tokens += request.cached_tokens;
  ++served_.output_tokens;
  recorder_.change(1, 0);
  prefilled_.push_back(slot);
}

/// The steps of progress_ are over.
void Replica::account() {
  clock_->committed(batcher_->current(), progress_.steps);
  record_tokens(due());
  busy_ += progress_.end - start_;
}

/// What of the prompt was not computed here; a cache of our own leaves nothing of what was recorded of another.
void Replica::settle_cached(Slot slot) {
  RunRecorder::Tracked& t = tracked_[slot];
  const bool own_cache = batcher_->spec().prefix_cache;
  if (t.handed_over && !own_cache) return;
  if (own_cache || t.request.cached_tokens > 0) t.request.cached_tokens = batcher_->sequence(slot).cached;
  if (own_cache) t.request.written_tokens = t.request.written_hour_tokens = 0;
}

bool Replica::step_done() {
  const Ns now = due();
  account();
  change([&] { batcher_->complete(progress_.steps, progress_.end); });
  for (const Slot slot : batcher_->first_tokens()) tracked_[slot].first_token = now;
  for (const Slot slot : batcher_->finished()) {
    settle_cached(slot);
    if (batcher_->spec().hold_finished && tracked_[slot].request.output_tokens > 1) hold(slot);
    else finish(now, slot);
  }
  return begin(progress_.end);
}

std::int64_t Replica::stop(Ns now) {
  if (!running_ || progress_.steps == 1) return 0;
  StepPlan over = batcher_->current();
  const Progress reach = clock_->run(over, start_, now);
  over.repeats = reach.steps - (floor_ns(reach.end) > now ? 1 : 0);
  if (over.repeats == 0) return 0;
  progress_ = clock_->run(over, start_, kNever);
  account();
  batcher_->stop(over.repeats);
  return over.repeats;
}

std::vector<RunRecorder::Tracked> Replica::evict(Ns now) {
  const std::int64_t over = stop(now);
  std::vector<RunRecorder::Tracked> out;
  for (Slot slot = 0; slot < tracked_.size(); ++slot) {
    if (!present_[slot]) continue;
    RunRecorder::Tracked t = tracked_[slot];
    t.preemptions += batcher_->sequence(slot).preemptions + 1;
    served_.lost_tokens += batcher_->cached_after(slot, over);
    out.push_back(t);
    present_[slot] = false;
  }
  recorder_.change(-batcher_->waiting(), -batcher_->running());
  running_ = false;
  return out;
}

void Replica::abandon(Ns now) {
  for (Slot slot = 0; slot < tracked_.size(); ++slot) {
    if (!present_[slot]) continue;
    const std::int32_t preemptions = tracked_[slot].preemptions + batcher_->sequence(slot).preemptions;
    recorder_.unfinished(now, tracked_[slot], preemptions, pool_, index_);
  }
}

void Replica::check() const {
  if (!running_) batcher_->check();  // a plan in progress holds blocks for tokens that are not there yet
  if (outstanding() == 0)
    require(batcher_->kv().free() + batcher_->kept_blocks() == batcher_->kv().total(),
            "all KV blocks are free when the factory is empty, but those of caches under way");
}

}  // namespace tokenfab
