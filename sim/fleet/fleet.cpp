// The comings and goings of replicas.
#include "sim/fleet/fleet.h"

#include <algorithm>

#include "base/error.h"

namespace tokenfab {
namespace {

template <class Of>
std::vector<int> by_pool(const FactorySpec& spec, Of of) {
  std::vector<int> out;
  for (const PoolSpec& pool : spec.pools) out.push_back(of(pool));
  return out;
}

bool chooses_pools(const FactorySpec& spec) {
  const auto& names = PoolRouter::names();
  return std::find(names.begin(), names.end(), spec.router) != names.end();
}

std::uint32_t index(std::size_t i) { return static_cast<std::uint32_t>(i); }

}  // namespace

bool Fleet::needed(const FactorySpec& spec) {
  return spec.gateway.present || chooses_pools(spec) ||
         std::any_of(spec.pools.begin(), spec.pools.end(), [](const PoolSpec& p) { return p.fleet.moves(); });
}

bool Fleet::reads_ahead(const FactorySpec& spec) {
  return std::any_of(spec.pools.begin(), spec.pools.end(), [](const PoolSpec& p) {
    return p.fleet.scaling && p.fleet.scaling->policy == ScalingPolicy::oracle;
  });
}

Fleet::Fleet(const FactorySpec& spec, Host host, const RunRecord& record, RunRecorder& recorder, ReadAhead* ahead)
    : spec_(spec),
      host_(std::move(host)),
      record_(record),
      recorder_(recorder),
      ahead_(ahead),
      lives_(by_pool(spec, [](const PoolSpec& p) { return p.slots(); }),
             by_pool(spec, [](const PoolSpec& p) { return p.replicas; })),
      home_(SIZE_MAX),
      rates_(spec.pools.size()),
      coming_(lives_.size()),
      retired_(spec.pools.size()),
      excluded_until_(spec.pools.size()),
      peaks_(std::max<std::size_t>(1, spec.gateway.regions.size()), spec.gateway.peak_window_s),
      flows_(std::max<std::size_t>(1, spec.gateway.regions.size()), std::vector<std::int64_t>(spec.pools.size())),
      used_(spec.pools.size()) {
  if (chooses_pools(spec)) pool_router_ = PoolRouter::make(spec.router, spec.seed, spec.replication);
  else router_ = Router::make({spec.router, spec.seed, spec.replication, {}});
  require(spec.router != "cache-aware", "a cache-aware router knows replicas that stay");
  for (std::size_t p = 0; p < spec.pools.size(); ++p) {
    const PoolSpec& pool = spec.pools[p];
    require(pool.role == PoolRole::both, "prefill and decode pools stay as they are");
    require(pool.replicas <= pool.slots(), "a pool begins with no more replicas than it may have");
    scalers_.emplace_back();
    if (pool.fleet.scaling) {
      scalers_.back().emplace(*pool.fleet.scaling);
      home_ = std::min(home_, p);
    }
  }
  for (std::size_t r = 0; r < lives_.size(); ++r)
    luck_.emplace_back(spec.seed, spec.replication, StreamPurpose::spot, index(r));
}

void Fleet::begin() {
  for (std::size_t p = 0; p < lives_.pools(); ++p) {
    if (scalers_[p]) host_.push(0, EventOrder::control, {FleetEvent::Kind::tick, index(p), 0});
    for (const OutageSpec& o : spec_.pools[p].fleet.outages) {
      host_.push(ns_from_seconds(o.from_s), EventOrder::control, {FleetEvent::Kind::outage_begins, index(p), 0});
      host_.push(ns_from_seconds(o.to_s), EventOrder::control, {FleetEvent::Kind::outage_ends, index(p), 0});
    }
    for (std::size_t r = lives_.begin(p); r < lives_.end(p); ++r)
      if (lives_.state(r) == LifeState::ready) arm(0, r);
  }
}

void Fleet::on(Ns now, const FleetEvent& event) {
  using Kind = FleetEvent::Kind;
  const bool current = event.kind == Kind::landing || event.kind == Kind::tick || event.kind == Kind::outage_begins ||
                       event.kind == Kind::outage_ends || event.kind == Kind::retry ||
                       lives_.epoch(event.index) == event.epoch;
  if (!current) return;
  switch (event.kind) {
    case Kind::tick:
      tick(now, event.index);
      break;
    case Kind::booted:
      if (lives_.state(event.index) == LifeState::booting) ready(now, event.index);
      break;
    case Kind::notice:
      notice(now, event.index);
      break;
    case Kind::reclaim:
      reclaim(now, event.index);
      break;
    case Kind::landing:
      landed(now, event.index);
      return;  // steps that end now come first
    case Kind::outage_begins:
      outage(now, event.index, true);
      break;
    case Kind::outage_ends:
      outage(now, event.index, false);
      break;
    case Kind::retry:
      break;
  }
  drain(now);
}

void Fleet::stepped(Ns now, std::size_t replica, std::int64_t ended) {
  rates_[lives_.pool(replica)].ended(now, ended);
  release_if_empty(now, replica);
}

std::int64_t Fleet::outstanding(std::size_t pool) const {
  std::int64_t out = pool == home_ ? static_cast<std::int64_t>(gateway_.size()) : 0;
  for (std::size_t r = lives_.begin(pool); r < lives_.end(pool); ++r) out += load(r);
  return out;
}

void Fleet::tick(Ns now, std::size_t pool) {
  PoolScaler& scaler = *scalers_[pool];
  const ScalingSpec& s = scaler.spec();
  host_.push(now + ns_from_seconds(s.interval_s), EventOrder::control, {FleetEvent::Kind::tick, index(pool), 0});
  int want = scaler.wanted(now, outstanding(pool), [this](Ns from, Ns to) { return ahead_->count(from, to); });
  // Whoever waits for a replica to boot gets one: a boot that takes longer than the cooldown is not called off for
  // them.
  if (pool == home_ && !gateway_.empty() && s.policy != ScalingPolicy::scheduled) want = std::max(want, 1);
  if (s.policy == ScalingPolicy::oracle) ahead_->forget(now - ns_from_seconds(s.window_s));
  adjust(now, pool, want);
}

void Fleet::adjust(Ns now, std::size_t pool, int want) {
  const int have = lives_.count(pool, LifeState::ready) + lives_.count(pool, LifeState::booting);
  if (want > have) grow(now, pool, want - have);
  else shrink(now, pool, have - want);
}

/// Replicas on their way out are taken back before others boot.
void Fleet::grow(Ns now, std::size_t pool, int by) {
  for (std::size_t r = lives_.begin(pool); r < lives_.end(pool) && by > 0; ++r)
    if (lives_.state(r) == LifeState::draining) lives_.set(now, r, LifeState::ready), --by;
  for (std::size_t r = lives_.begin(pool); r < lives_.end(pool) && by > 0; ++r)
    if (lives_.state(r) == LifeState::off) boot(now, r, spec_.pools[pool].fleet.scaling->cold_start_s), --by;
}

/// Boots are called off, latest slots first; then the emptiest replicas take no more.
void Fleet::shrink(Ns now, std::size_t pool, int by) {
  for (std::size_t r = lives_.end(pool); r-- > lives_.begin(pool) && by > 0;)
    if (lives_.state(r) == LifeState::booting) {
      lives_.set(now, r, LifeState::off);
      renew(r);
      --by;
    }
  for (; by > 0; --by) {
    std::size_t least = SIZE_MAX;
    for (std::size_t r = lives_.end(pool); r-- > lives_.begin(pool);)
      if (lives_.state(r) == LifeState::ready && (least == SIZE_MAX || load(r) < load(least))) least = r;
    lives_.set(now, least, LifeState::draining);
    release_if_empty(now, least);
  }
}

void Fleet::boot(Ns now, std::size_t replica, double seconds) {
  lives_.set(now, replica, LifeState::booting);
  const Ns time = ns_from_seconds(seconds);
  if (time == 0) return ready(now, replica);
  host_.push(now + time, EventOrder::control, {FleetEvent::Kind::booted, index(replica), lives_.epoch(replica)});
}

void Fleet::ready(Ns now, std::size_t replica) {
  lives_.set(now, replica, LifeState::ready);
  arm(now, replica);
}

/// When the notice comes is drawn from the replica's own stream.
void Fleet::arm(Ns now, std::size_t replica) {
  const auto& spot = spec_.pools[lives_.pool(replica)].fleet.spot;
  if (!spot || spot->hazard_per_hour <= 0) return;
  constexpr double kHour = 3600, kLongest = 4e9;
  const double seconds = std::min(kLongest, luck_[replica].exponential() * kHour / spot->hazard_per_hour);
  host_.push(now + ns_from_seconds(seconds), EventOrder::control,
             {FleetEvent::Kind::notice, index(replica), lives_.epoch(replica)});
}

void Fleet::notice(Ns now, std::size_t replica) {
  lives_.set(now, replica, LifeState::doomed);
  const double seconds = spec_.pools[lives_.pool(replica)].fleet.spot->notice_s;
  host_.push(now + ns_from_seconds(seconds), EventOrder::control,
             {FleetEvent::Kind::reclaim, index(replica), lives_.epoch(replica)});
}

void Fleet::reclaim(Ns now, std::size_t replica) {
  const std::size_t pool = lives_.pool(replica);
  ++used_[pool].reclaims;
  take_back(now, replica);
  lives_.set(now, replica, LifeState::off);
  if (!scalers_[pool]) boot(now, replica, spec_.pools[pool].fleet.spot->restart_s);
}

void Fleet::outage(Ns now, std::size_t pool, bool begins) {
  const std::int64_t before = used_[pool].requeued;
  for (std::size_t r = lives_.begin(pool); r < lives_.end(pool); ++r) {
    if (begins) take_back(now, r);
    lives_.set(now, r, begins ? LifeState::down : LifeState::ready);
  }
  if (used_[pool].requeued > before) exclude(now, pool);  // those who lost a request know
}

void Fleet::release_if_empty(Ns now, std::size_t replica) {
  if (lives_.state(replica) != LifeState::draining || load(replica) > 0) return;
  lives_.set(now, replica, LifeState::off);
  renew(replica);
}

/// The next replica in this place has nothing of this one.
void Fleet::renew(std::size_t replica) {
  lives_.next_epoch(replica);
  coming_[replica] = 0;
  const std::uint32_t epoch = host_.replicas[replica]->epoch();
  if (epoch == 0) return;  // it never began a step
  const std::size_t pool = lives_.pool(replica);
  auto fresh = host_.make(pool, static_cast<int>(replica - lives_.begin(pool)));
  fresh->continue_epochs(epoch + 1);
  retired_[pool].push_back(std::exchange(host_.replicas[replica], std::move(fresh)));
}

std::vector<const Replica*> Fleet::members(std::size_t pool) const {
  std::vector<const Replica*> out;
  for (std::size_t r = lives_.begin(pool); r < lives_.end(pool); ++r) out.push_back(host_.replicas[r].get());
  for (const auto& replica : retired_[pool]) out.push_back(replica.get());
  return out;
}

}  // namespace tokenfab
