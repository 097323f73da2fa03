#include "sim/fleet/run_recorder.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/core/row_spool.h"
#include "sim/core/slo.h"
#include "sim/core/steady.h"

namespace tokenfab {
namespace {

RequestRow row_of(const Request& r, RequestState state) {
  RequestRow row;
  row.id = r.id;
  row.arrival = r.arrival;
  row.input_tokens = r.input_tokens;
  row.output_tokens = r.output_tokens;
  row.cached_tokens = r.cached_tokens;
  row.written_tokens = r.written_tokens;
  row.written_hour_tokens = r.written_hour_tokens;
  row.reasoning_tokens = r.reasoning_tokens;
  row.priority = r.priority;
  row.tier = r.tier;
  row.session = r.session;
  row.state = state;
  row.replica = -1;
  return row;
}

}  // namespace

void RunRecorder::arrived(Ns now, const Request& request) {
  ++record_.offered;
  record_.input_offered += request.input_tokens;
  record_.output_offered += request.output_tokens;
  first_arrival_ = std::min(first_arrival_, now);
  last_arrival_ = now;
  ++series_.bin(now).arrived;
  sessions_.arrived(now, request);
  waiting_at_last_arrival_ = waiting_;
  inside_at_last_arrival_ = waiting_ + running_;
}

void RunRecorder::rejected(Ns now, const Request& request, Rejection why) {
  ++record_.rejected;
  record_.input_rejected += request.input_tokens;
  record_.output_rejected += request.output_tokens;
  rejected_full_ += why == Rejection::queue_full;
  record_.rejected_too_long += why == Rejection::too_long;
  sojourn_ns_ += now - request.arrival;
  ++series_.bin(now).rejected;
  ++meter_.cell(now, request).rejected;
  if (record_.keeps_rows) add_row(row_of(request, RequestState::rejected));
  sessions_.ended(now, request, false);
  if (ended_) ended_(request, now, false);
}

/// The first request of another class finds in the totals what the highest class has had so far.
ClassStats* RunRecorder::find_class(int priority) {
  std::vector<ClassStats>& all = record_.classes;
  if (all.empty()) all.push_back({0, record_.served, record_.output_served, record_.good_requests, record_.latency});
  const auto lower = [](const ClassStats& c, int p) { return c.priority < p; };
  auto at = std::lower_bound(all.begin(), all.end(), priority, lower);
  if (at == all.end() || at->priority != priority) at = all.insert(at, {priority, 0, 0, 0, {}});
  return &*at;
}

void RunRecorder::keep_row(const Tracked& t, RequestState state, Ns finish, std::int32_t preemptions, int pool,
                           int replica) {
  RequestRow row = row_of(t.request, state);
  row.first_token = t.first_token < 0 ? t.first_token : t.first_token + t.front_end;
  row.finish = finish;
  row.preemptions = preemptions;
  row.pool = static_cast<std::int16_t>(pool);
  row.replica = static_cast<std::int16_t>(replica);
  add_row(row);
}

void RunRecorder::add_row(const RequestRow& row) {
  record_.rows.push_back(row);
  if (record_.spooled_rows && record_.rows.size() >= RowSpool::kLot) record_.spooled_rows->take(record_.rows);
}

void RunRecorder::finished(Ns now, const Tracked& t, std::int32_t preemptions, int pool, int replica) {
  const Request& r = t.request;
  const Ns ttft = t.first_token - r.arrival + t.front_end, e2e = now - r.arrival + t.front_end;
  const Ns tpot = r.output_tokens > 1 ? (e2e - ttft) / (r.output_tokens - 1) : 0;
  ClassStats* own = class_of(r);
  ++record_.served;
  record_.input_served += r.input_tokens;
  record_.output_served += r.output_tokens;
  record_.cached_tokens += r.cached_tokens;
  record_.written_tokens += r.written_tokens;
  record_.reasoning_tokens += r.reasoning_tokens;
  const auto add = [&](Latencies& to) {
    to.ttft.add(ttft);
    to.e2e.add(e2e);
    to.queue.add(t.scheduled - r.arrival);
    if (r.output_tokens > 1) to.tpot.add(tpot);
  };
  add(record_.latency);
  const bool good = meets_slo(record_, ttft, tpot, e2e);
  if (good) {
    ++record_.good_requests;
    record_.good_output_tokens += r.output_tokens;
  }
  if (own) {
    add(own->latency);
    ++own->served;
    own->output_tokens += r.output_tokens;
    own->good += good;
  }
  sojourn_ns_ += now - r.arrival;
  ++series_.bin(now).finished;
  meter_.served(now, r, good);
  if (record_.keeps_rows) keep_row(t, RequestState::served, now + t.front_end, preemptions, pool, replica);
  sessions_.ended(now + t.front_end, r, true);
  if (ended_) ended_(r, now + t.front_end, true);
}

void RunRecorder::unfinished(Ns now, const Tracked& t, std::int32_t preemptions, int pool, int replica) {
  ++record_.in_flight;
  record_.input_in_flight += t.request.input_tokens;
  record_.output_in_flight += t.request.output_tokens;
  sojourn_ns_ += now - t.request.arrival;
  if (record_.keeps_rows) keep_row(t, RequestState::in_flight, -1, preemptions, pool, replica);
}

/// At exactly critical load the backlog left by arrival noise alone is of the order of sqrt(offered): a backlog (or a
/// number of full-queue rejections) beyond three times that, and growing, is overload. A backlog is what waits beyond
/// all that the factory ever ran at once: a burst that its batches can hold drains, however quickly it came.
void RunRecorder::judge_saturation() {
  const double span = seconds_from_ns(last_arrival_ - std::min(first_arrival_, last_arrival_));
  const auto waiting = static_cast<double>(waiting_at_last_arrival_);
  record_.backlog_slope_per_s = backlog_slope(record_.series, last_arrival_);
  if (record_.backlog_slope_per_s == 0 && span > 0) record_.backlog_slope_per_s = waiting / span;
  const double noise = 3 * std::sqrt(static_cast<double>(record_.offered));
  const bool grows = record_.backlog_slope_per_s > 0 && waiting > noise &&
                     static_cast<double>(inside_at_last_arrival_ - most_running_) > noise;
  record_.saturated = span > 0 && (grows || static_cast<double>(rejected_full_) > noise);
  const SteadyJudgement judged = judge_steady(record_.series, std::min(first_arrival_, last_arrival_), last_arrival_);
  record_.steadiness = record_.saturated ? Steadiness::growing : judged.verdict;
  record_.warm_up_s = judged.warm_up_s;
}

void RunRecorder::check() const {
  const RunRecord& r = record_;
  require(r.offered == r.served + r.rejected + r.in_flight, "requests offered = served + rejected + in flight");
  require(r.input_offered == r.input_served + r.input_rejected + r.input_in_flight,
          "input tokens offered = served + rejected + in flight");
  require(r.output_offered == r.output_served + r.output_rejected + r.output_in_flight,
          "output tokens offered = served + rejected + in flight");
  check_meter(r);
  require(series_.request_ns() == sojourn_ns_, "Little's law: integral of requests in the system = sum of sojourns");
}

void RunRecorder::close(Ns end) {
  advance(end);
  record_.series = series_.series();
  record_.sessions = sessions_.stats();
  record_.meter = meter_.take();
  if (!record_.classes.empty() && record_.classes.front().served == 0) record_.classes.erase(record_.classes.begin());
  const Ns start = record_.offered > 0 ? first_arrival_ : end;
  record_.started_s = seconds_from_ns(start);
  record_.makespan_s = seconds_from_ns(end - start);
  record_.arrival_span_s = seconds_from_ns(last_arrival_ - std::min(start, last_arrival_));
  judge_saturation();
  check();
}

}  // namespace tokenfab
