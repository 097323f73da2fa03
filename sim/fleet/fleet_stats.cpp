// What a run's record keeps of its fleet.
#include <algorithm>

#include "sim/fleet/fleet.h"

namespace tokenfab {

FleetStats Fleet::stats(Ns from, Ns to) const {
  FleetStats out;
  out.counts = lives_.series();
  std::stable_sort(out.counts.begin(), out.counts.end(),
                   [](const ReplicaCount& a, const ReplicaCount& b) { return a.time < b.time; });
  for (std::size_t p = 0; p < spec_.pools.size(); ++p) {
    const PoolFleetSpec& spec = spec_.pools[p].fleet;
    PoolFleet pool = used_[p];
    pool.region = spec.region;
    pool.price = spec.price;
    pool.price_unit = spec.price_unit;
    pool.quality = spec.quality;
    pool.boots = lives_.boots(p);
    const PaidTime paid = lives_.paid(p, from, to);
    pool.paid_replica_s = static_cast<double>(paid.paid_ns) * 1e-9;
    pool.boot_replica_s = static_cast<double>(paid.boot_ns) * 1e-9;
    out.pools.push_back(pool);
  }
  const auto& regions = spec_.gateway.regions;
  for (std::size_t o = 0; o < regions.size(); ++o)
    for (std::size_t p = 0; p < spec_.pools.size(); ++p) {
      const auto& rtt = spec_.pools[p].fleet.rtt_s;
      out.flows.push_back({regions[o], static_cast<int>(p), flows_[o][p], rtt.empty() ? 0 : rtt[o]});
    }
  if (regions.size() > 1) {
    out.pooling_gain = peaks_.pooling_gain();
    out.peak_window_s = spec_.gateway.peak_window_s;
  }
  out.waited = waited_;
  out.most_waiting = most_waiting_;
  out.gateway_full = gateway_full_;
  out.unreachable = unreachable_;
  out.floor_violations = floor_violations_;
  return out;
}

}  // namespace tokenfab
