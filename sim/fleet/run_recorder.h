#pragma once
#include <functional>

#include "sim/core/records.h"
#include "sim/core/series_recorder.h"
#include "sim/fleet/meter.h"
#include "sim/fleet/session_recorder.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// Follows every request from arrival to its end and keeps what the results need: counts, latency sketches, the time
/// series, optional rows. Checks at the end that requests, tokens and time add up.
class RunRecorder {
 public:
  explicit RunRecorder(RunRecord& record) : record_(record) {}

  struct Tracked {  // a request inside the factory
    Request request;
    Ns scheduled = -1, first_token = -1;
    bool handed_over = false;      // another replica computed the prompt and sampled the first token
    std::int32_t preemptions = 0;  // there, or on replicas that were lost
    std::uint8_t origin = 0;       // region of the client
    Ns front_end = 0;              // the client hears of every token this much later: tokenizer, HTTP, detokenizer
  };

  /// Told of every request that ends, and when its client knows.
  using Ended = std::function<void(const Request& request, Ns end, bool served)>;
  void watch(Ended ended) { ended_ = std::move(ended); }

  void arrived(Ns now, const Request& request);
  enum class Rejection { queue_full, too_long, unreachable };
  void rejected(Ns now, const Request& request, Rejection why);
  void finished(Ns now, const Tracked& tracked, std::int32_t preemptions, int pool, int replica);
  void unfinished(Ns now, const Tracked& tracked, std::int32_t preemptions, int pool, int replica);

  /// Time passes up to `now` with the current counts; then the counts change.
  void advance(Ns now) { series_.integrate(now, waiting_, running_); }
  void change(std::int64_t waiting, std::int64_t running) {
    waiting_ += waiting, running_ += running;
    most_running_ = std::max(most_running_, running_);
  }
  SeriesRecorder& series() { return series_; }

  /// Fills the record's summary. `end`: the last event's time.
  void close(Ns end);

 private:
  /// Where to count a served request besides the totals; null as long as there is one class only.
  ClassStats* class_of(const Request& request) {
    return request.priority == 0 && record_.classes.empty() ? nullptr : find_class(request.priority);
  }
  ClassStats* find_class(int priority);
  void keep_row(const Tracked& tracked, RequestState state, Ns finish, std::int32_t preemptions, int pool, int replica);
  void add_row(const RequestRow& row);
  void judge_saturation();
  void check() const;

  RunRecord& record_;
  Ended ended_;
  SessionRecorder sessions_;
  MeterRecorder meter_;
  SeriesRecorder series_;
  std::int64_t waiting_ = 0, running_ = 0;
  std::int64_t most_running_ = 0;
  std::int64_t rejected_full_ = 0, waiting_at_last_arrival_ = 0, inside_at_last_arrival_ = 0;
  Int128 sojourn_ns_ = 0;
  Ns first_arrival_ = kNever, last_arrival_ = 0;
};

}  // namespace tokenfab
