#include "sim/fleet/replica_life.h"

#include <algorithm>

namespace tokenfab {

ReplicaLives::ReplicaLives(const std::vector<int>& slots, const std::vector<int>& ready)
    : counts_(slots.size()), boots_(slots.size()), latest_(slots.size(), SIZE_MAX) {
  for (std::size_t p = 0; p < slots.size(); ++p) {
    first_.push_back(lives_.size());
    for (int i = 0; i < slots[p]; ++i) {
      Life life;
      life.pool = p;
      life.state = i < ready[p] ? LifeState::ready : LifeState::off;
      ++counts_[p][static_cast<std::size_t>(life.state)];
      lives_.push_back(life);
    }
    note(0, p);
  }
  first_.push_back(lives_.size());
}

void ReplicaLives::note(Ns now, std::size_t pool) {
  const ReplicaCount entry{
      static_cast<int>(pool), now, count(pool, LifeState::ready), count(pool, LifeState::booting),
      count(pool, LifeState::draining) + count(pool, LifeState::doomed) + count(pool, LifeState::down)};
  std::size_t& latest = latest_[pool];
  if (latest != SIZE_MAX && series_[latest].time == now) {
    series_[latest] = entry;
    return;
  }
  latest = series_.size();
  series_.push_back(entry);
}

void ReplicaLives::set(Ns now, std::size_t replica, LifeState to) {
  Life& life = lives_[replica];
  if (life.state != LifeState::off && now > life.since)
    life.stays.push_back({life.since, now, life.state == LifeState::booting});
  auto& counts = counts_[life.pool];
  --counts[static_cast<std::size_t>(life.state)];
  ++counts[static_cast<std::size_t>(to)];
  const bool from_nothing = life.state == LifeState::off || to == LifeState::booting;
  boots_[life.pool] += from_nothing && to != LifeState::off;
  life.state = to;
  life.since = now;
  note(now, life.pool);
}

PaidTime ReplicaLives::paid(std::size_t pool, Ns from, Ns to) const {
  PaidTime out;
  const auto add = [&](const Stay& stay) {
    const Ns time = std::min(stay.to, to) - std::max(stay.from, from);
    if (time <= 0) return;
    out.paid_ns += time;
    if (stay.boot) out.boot_ns += time;
  };
  for (std::size_t r = begin(pool); r < end(pool); ++r) {
    const Life& life = lives_[r];
    for (const Stay& stay : life.stays) add(stay);
    if (life.state != LifeState::off) add({life.since, to, life.state == LifeState::booting});
  }
  for (const ReplicaCount& c : series_)
    if (c.pool == static_cast<int>(pool) && c.time <= to)
      out.most = std::max(out.most, c.ready + c.booting + c.draining);
  return out;
}

}  // namespace tokenfab
