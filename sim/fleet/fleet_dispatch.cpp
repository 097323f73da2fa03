// The gateway: where requests go, and where they wait.
#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "sim/fleet/cache_router.h"
#include "sim/fleet/fleet.h"

namespace tokenfab {

double Fleet::rtt(std::size_t pool, const Item& item) const {
  const auto& rtt = spec_.pools[pool].fleet.rtt_s;
  return rtt.empty() ? 0 : rtt.at(item.origin);
}

double Fleet::floor_of(const Request& request) const {
  const auto& floors = spec_.gateway.quality_floors;
  return request.priority < floors.size() ? floors[request.priority] : 0;
}

/// Whether the pool may ever serve the request: a first token that is late before it is computed helps nobody.
bool Fleet::allowed(std::size_t pool, const Item& item) const {
  if (record_.slo_ttft_s > 0 && rtt(pool, item) > record_.slo_ttft_s) return false;
  return !pool_router_ || !pool_router_->keeps_floors() || spec_.pools[pool].fleet.quality >= floor_of(item.request);
}

/// Whether the gateway takes the replica for one that answers.
bool Fleet::open(std::size_t replica, Ns now) const {
  if (excluded_until_[lives_.pool(replica)] > now) return false;
  const LifeState state = lives_.state(replica);
  return state == LifeState::ready || state == LifeState::down;
}

std::size_t Fleet::least_loaded(std::size_t pool, Ns now) const {
  std::size_t best = SIZE_MAX;
  for (std::size_t r = lives_.begin(pool); r < lives_.end(pool); ++r)
    if (open(r, now) && (best == SIZE_MAX || load(r) < load(best))) best = r;
  return best;
}

double Fleet::expected_ttft(Ns now, const Item& item, const PoolRouter::Pool& pool) {
  const PoolSpec& spec = spec_.pools[pool.index];
  double prompt = 0;
  if (spec.model) {
    StepSums sums;
    sums.add_chunk(0, item.request.input_tokens, true, spec.batcher.window.tokens);
    prompt = spec.model->evaluate(sums).total();
  }
  const std::size_t r = least_loaded(pool.index, now);
  const auto waiting = static_cast<double>(host_.replicas[r]->batcher().waiting() + coming_[r]);
  const double rate = rates_[pool.index].per_second(now) / std::max(1, lives_.count(pool.index, LifeState::ready));
  return pool.rtt_s + seconds_from_ns(spec.front_end) + prompt + waiting * (rate > 0 ? 1 / rate : prompt);
}

std::size_t Fleet::pick_by_pool(Ns now, const Item& item) {
  pools_.clear();
  for (const std::size_t r : candidates_) {
    const std::size_t p = lives_.pool(r);
    const bool room = load(r) < spec_.pools[p].batcher.max_sequences;
    if (pools_.empty() || pools_.back().index != p)
      pools_.push_back({p, rtt(p, item), spec_.pools[p].fleet.price, room});
    else pools_.back().room |= room;
  }
  const PoolRouter::Expected expected = [&](const PoolRouter::Pool& p) { return expected_ttft(now, item, p); };
  const std::size_t chosen = pool_router_->choose(pools_, {record_.slo_ttft_s, expected});
  return least_loaded(pools_[chosen].index, now);
}

/// A replica that answers; none where the request has to wait. Attempts at pools in an outage fail, and are the last
/// ones for a while.
std::optional<std::size_t> Fleet::pick(Ns now, const Item& item) {
  for (;;) {
    candidates_.clear();
    for (std::size_t r = 0; r < lives_.size(); ++r)
      if (open(r, now) && allowed(lives_.pool(r), item)) candidates_.push_back(r);
    if (candidates_.empty()) return std::nullopt;
    std::size_t r = candidates_.front();
    if (pool_router_) r = pick_by_pool(now, item);
    else if (candidates_.size() > 1)
      r = candidates_[router_->pick(candidates_.size(), [this](std::size_t i) { return load(candidates_[i]); }, {})];
    if (lives_.state(r) == LifeState::ready) return r;
    ++used_[lives_.pool(r)].failed_attempts;
    exclude(now, lives_.pool(r));
  }
}

void Fleet::exclude(Ns now, std::size_t pool) {
  excluded_until_[pool] = now + ns_from_seconds(spec_.gateway.exclude_s);
  host_.push(excluded_until_[pool], EventOrder::control,
             {FleetEvent::Kind::retry, static_cast<std::uint32_t>(pool), 0});
}

void Fleet::arrived(Ns now, const ArrivalQueue::Arrival& a) {
  Item item{a.request, {a.hashes.begin(), a.hashes.end()}, a.origin, 0};
  peaks_.add(now, a.origin, std::int64_t{a.request.input_tokens} + a.request.output_tokens);
  bool any = false;
  for (std::size_t p = 0; p < lives_.pools(); ++p) any |= allowed(p, item);
  if (!any) {
    ++unreachable_;
    return recorder_.rejected(now, a.request, RunRecorder::Rejection::unreachable);
  }
  offer(now, std::move(item), true);
}

void Fleet::offer(Ns now, Item&& item, bool fresh) {
  const auto replica = pick(now, item);
  const std::size_t pool = replica ? lives_.pool(*replica) : home_;
  if (fresh && pool != SIZE_MAX && scalers_[pool]) scalers_[pool]->arrived(now);
  if (replica) return send(now, *replica, std::move(item), false);
  const auto limit = spec_.gateway.queue;
  if (fresh && limit > 0 && static_cast<std::int64_t>(gateway_.size()) >= limit) {
    ++gateway_full_;
    return recorder_.rejected(now, item.request, RunRecorder::Rejection::queue_full);
  }
  ++waited_;
  recorder_.change(1, 0);
  gateway_.push_back(std::move(item));
  most_waiting_ = std::max(most_waiting_, static_cast<std::int64_t>(gateway_.size()));
}

/// Sends what waits to replicas that are ready, first come first. A replica begins its step when all are there.
void Fleet::drain(Ns now) {
  std::vector<std::size_t> touched;
  std::deque<Item> waiting = std::exchange(gateway_, {});
  for (Item& item : waiting) {
    if (const auto replica = pick(now, item)) {
      recorder_.change(-1, 0);
      touched.push_back(*replica);
      send(now, *replica, std::move(item), true);
    } else {
      gateway_.push_back(std::move(item));
    }
  }
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (const std::size_t r : touched)
    if (host_.replicas[r]->resume(now)) host_.schedule(r);
}

void Fleet::send(Ns now, std::size_t replica, Item&& item, bool wait) {
  const std::size_t p = lives_.pool(replica);
  ++used_[p].routed;
  ++flows_[item.origin][p];
  floor_violations_ += spec_.pools[p].fleet.quality < floor_of(item.request);
  rates_[p].began(now);
  const Ns way = ns_from_seconds(rtt(p, item) / 2);
  if (way == 0) return land(now, replica, item, wait);
  std::uint32_t flight = static_cast<std::uint32_t>(flights_.size());
  if (landed_.empty()) flights_.emplace_back();
  else flight = landed_.back(), landed_.pop_back();
  flights_[flight] = {std::move(item), replica, lives_.epoch(replica), true};
  ++coming_[replica];
  recorder_.change(1, 0);
  host_.push(now + way, EventOrder::landing, {FleetEvent::Kind::landing, flight, 0});
}

void Fleet::land(Ns now, std::size_t replica, const Item& item, bool wait) {
  const std::size_t p = lives_.pool(replica);
  const Ns back = ns_from_seconds(rtt(p, item)) - ns_from_seconds(rtt(p, item) / 2);
  const auto prefix = host_.prefix(p, item.request, item.hashes);
  if (host_.replicas[replica]->arrive(now, item.request, wait, prefix, {back, item.preemptions, item.origin}))
    host_.schedule(replica);
}

void Fleet::landed(Ns now, std::uint32_t index) {
  Flight flight = std::move(flights_[index]);
  flights_[index].used = false;
  landed_.push_back(index);
  recorder_.change(-1, 0);
  if (lives_.epoch(flight.replica) != flight.epoch) {
    ++used_[lives_.pool(flight.replica)].requeued;
    ++flight.item.preemptions;
    return offer(now, std::move(flight.item), false);
  }
  --coming_[flight.replica];
  land(now, flight.replica, flight.item, false);
  release_if_empty(now, flight.replica);
}

/// The replica is lost: what was inside waits at the gateway again, in order of arrival.
void Fleet::take_back(Ns now, std::size_t replica) {
  const auto lost = host_.replicas[replica]->evict(now);
  used_[lives_.pool(replica)].requeued += static_cast<std::int64_t>(lost.size());
  renew(replica);
  const auto before = [](const Item& a, const Item& b) {
    return std::tie(a.request.arrival, a.request.id) < std::tie(b.request.arrival, b.request.id);
  };
  for (const RunRecorder::Tracked& t : lost) {
    const Item item{t.request, {}, t.origin, t.preemptions};
    gateway_.insert(std::upper_bound(gateway_.begin(), gateway_.end(), item, before), item);
    recorder_.change(1, 0);
  }
  most_waiting_ = std::max(most_waiting_, static_cast<std::int64_t>(gateway_.size()));
}

void Fleet::abandon(Ns now) {
  const auto leave = [&](const Item& item) {
    RunRecorder::Tracked t;
    t.request = item.request;
    recorder_.unfinished(now, t, item.preemptions, 0, -1);
  };
  for (const Item& item : gateway_) leave(item);
  for (const Flight& flight : flights_)
    if (flight.used) leave(flight.item);
}

}  // namespace tokenfab
