#include "sim/workload/sessions.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

constexpr Ns kAfterRejection = 1'000'000'000;
constexpr std::int64_t kMostUsers = 10'000'000;
constexpr std::size_t kBatch = 4096;

void check(const SessionPopulation& p) {
  if (p.users < 0 || p.users > kMostUsers)
    throw UserError("sessions: users is " + std::to_string(p.users) + "; it must be in 0.." +
                    std::to_string(kMostUsers));
  if (p.max_sessions < 0)
    throw UserError("sessions: max_sessions is " + std::to_string(p.max_sessions) + "; it must not be negative");
  if (!(p.duration_s >= 0 && p.duration_s <= 4e9))
    throw UserError("sessions: duration_s is " + shortest(p.duration_s) + "; it must be in 0..4e9");
  if (!(p.start_within_s >= 0 && p.start_within_s <= 4e9))
    throw UserError("sessions: start_within_s is " + shortest(p.start_within_s) + "; it must be in 0..4e9");
  if (p.max_sessions == 0 && p.duration_s == 0)
    throw UserError("sessions: an end is needed: max_sessions, duration_s, or both");
  if (p.users == 0 && p.arrivals.all_at_once && p.max_sessions == 0)
    throw UserError("sessions: arrivals all at once need max_sessions");
}

Ns end_of(const SessionPopulation& p) { return p.duration_s > 0 ? ns_from_seconds(p.duration_s) : kNever / 2; }

std::int64_t lanes_of(const SessionPopulation& p) {
  const std::int64_t most = p.max_sessions > 0 ? p.max_sessions : INT64_MAX;
  return std::min<std::int64_t>({p.users > 0 ? p.users : INT64_MAX, most, UINT32_MAX - 1});
}

class Sessions final : public RequestSource {
 public:
  Sessions(const SessionPopulation& p, LaneMaker maker)
      : p_(p), maker_(std::move(maker)), end_(end_of(p)), lanes_(lanes_of(p)) {
    if (p.users == 0) arrivals_ = make_arrivals(p.arrivals, end_, p.seed, p.replication);
  }

  bool closed_loop() const override { return true; }

  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    const auto left = static_cast<std::size_t>(lanes_ - begun_);
    starts_.resize(std::min({limit, kBatch, left}));
    fill_starts();
    for (const Ns start : starts_) {
      const auto index = static_cast<std::uint32_t>(begun_++);
      auto lane = maker_(index, sessions_of(index));
      if (lane->next(turn_)) {
        send(start, index, batch);
        active_.emplace(index, std::move(lane));
      }
    }
    if (starts_.empty()) lanes_ = begun_;
  }

  void ended(const Request& request, Ns end, bool served, RequestBatch& next) override {
    const std::uint32_t index = request.session - 1;
    const auto lane = active_.find(index);
    require(lane != active_.end(), "a request that ends belongs to a known session");
    if (!served) lane->second->abandon();
    const Ns least = served ? 1 : kAfterRejection;
    if (lane->second->next(turn_)) {
      const Ns start = end + std::max(turn_.pause, least);
      if ((turn_.edge & kOpensSession) == 0 || start < end_) return send(start, index, next);
    }
    active_.erase(lane);
  }

 private:
  void fill_starts() {
    if (arrivals_) {
      starts_.resize(arrivals_->fill(starts_));
      return;
    }
    const Ns within = ns_from_seconds(p_.start_within_s);
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      const auto place = static_cast<double>(begun_ + static_cast<std::int64_t>(i)) / static_cast<double>(p_.users);
      starts_[i] = static_cast<Ns>(std::floor(place * static_cast<double>(within)));
    }
    starts_.erase(std::lower_bound(starts_.begin(), starts_.end(), end_), starts_.end());
  }

  std::int64_t sessions_of(std::uint32_t index) const {
    if (p_.users == 0) return 1;
    return p_.max_sessions == 0 ? 0 : (p_.max_sessions - index + p_.users - 1) / p_.users;
  }

  void send(Ns arrival, std::uint32_t index, RequestBatch& batch) const {
    Request r;
    r.arrival = arrival;
    r.input_tokens = turn_.input_tokens;
    r.output_tokens = turn_.output_tokens;
    r.session = index + 1;
    r.session_edge = turn_.edge;
    r.hash_begin = static_cast<std::uint32_t>(batch.hash_ids.size());
    r.hash_count = static_cast<std::uint32_t>(turn_.hashes.size());
    batch.hash_ids.insert(batch.hash_ids.end(), turn_.hashes.begin(), turn_.hashes.end());
    batch.requests.push_back(r);
  }

  SessionPopulation p_;
  LaneMaker maker_;
  Ns end_;
  std::int64_t lanes_, begun_ = 0;
  std::unique_ptr<ArrivalProcess> arrivals_;
  std::vector<Ns> starts_;
  std::unordered_map<std::uint32_t, std::unique_ptr<SessionLane>> active_;
  SessionTurn turn_;
};

}  // namespace

std::unique_ptr<RequestSource> make_sessions(const SessionPopulation& population, LaneMaker maker) {
  check(population);
  return std::make_unique<Sessions>(population, std::move(maker));
}

std::int64_t expected_sessions(const SessionPopulation& p) {
  check(p);
  if (p.users > 0 || p.duration_s == 0 || p.arrivals.all_at_once) return p.max_sessions;
  const auto n = static_cast<std::int64_t>(std::llround(std::min(9e18, mean_rate(p.arrivals) * p.duration_s)));
  return p.max_sessions > 0 ? std::min(n, p.max_sessions) : n;
}

}  // namespace tokenfab
