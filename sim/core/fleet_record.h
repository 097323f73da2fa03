#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

// What became of a fleet whose replicas come and go: plain results, part of a RunRecord.
namespace tokenfab {

/// A pool's replicas from `time` on, until the pool's next entry.
struct ReplicaCount {
  int pool = 0;
  Ns time = 0;
  int ready = 0, booting = 0;
  int draining = 0;  // paid for, and take no more requests: on their way out, or failed
  bool operator==(const ReplicaCount&) const = default;
};

struct PoolFleet {
  std::string region;      // empty: none
  double price = 0;        // that the router went by
  std::string price_unit;  // empty: no price was needed
  double quality = 0;      // 0: not declared
  std::int64_t boots = 0, reclaims = 0;
  std::int64_t requeued = 0;                      // requests that lost their replica
  std::int64_t failed_attempts = 0;               // requests sent there during an outage nobody knew of
  std::int64_t routed = 0;                        // requests sent there, those that came back included
  double paid_replica_s = 0, boot_replica_s = 0;  // the second is part of the first
};

/// Requests that went from the clients of a region to a pool.
struct RegionFlow {
  std::string from;
  int pool = 0;
  std::int64_t requests = 0;
  double rtt_s = 0;
};

struct FleetStats {
  std::vector<ReplicaCount> counts;  // in order of time
  std::vector<PoolFleet> pools;
  std::vector<RegionFlow> flows;
  std::int64_t waited = 0, most_waiting = 0;       // requests at the gateway for want of a ready replica
  std::int64_t gateway_full = 0, unreachable = 0;  // requests rejected there; unreachable: no pool may serve them
  std::int64_t floor_violations = 0;               // requests sent to a pool below their class's quality floor
  double pooling_gain = 0;                         // 1 - peak(sum of demands) / sum of peaks; see `peak_window_s`
  double peak_window_s = 0;                        // demands are means over such windows; 0: one region, no gain
};

}  // namespace tokenfab
