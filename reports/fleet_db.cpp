#include "reports/fleet_db.h"

namespace tokenfab {

using sqlite::Connection;
using sqlite::Statement;

void write_fleet(Connection& db, std::int64_t run, const std::optional<FleetStats>& fleet) {
  if (!fleet) return;
  const FleetStats& f = *fleet;
  Statement total(db, "INSERT INTO fleet VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  total.bind(run).bind(f.waited).bind(f.most_waiting).bind(f.gateway_full).bind(f.unreachable);
  total.bind(f.floor_violations).bind(f.pooling_gain).bind(f.peak_window_s).execute();
  Statement pool(db, "INSERT INTO pool_fleet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < f.pools.size(); ++i) {
    const PoolFleet& p = f.pools[i];
    pool.bind(run).bind(i).bind(p.region).bind(p.price).bind(p.price_unit).bind(p.quality).bind(p.boots);
    pool.bind(p.reclaims).bind(p.requeued).bind(p.failed_attempts).bind(p.routed);
    pool.bind(p.paid_replica_s).bind(p.boot_replica_s).execute();
  }
  Statement flow(db, "INSERT INTO region_flow VALUES (?, ?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < f.flows.size(); ++i) {
    const RegionFlow& w = f.flows[i];
    flow.bind(run).bind(i).bind(w.from).bind(w.pool).bind(w.requests).bind(w.rtt_s).execute();
  }
  Statement count(db, "INSERT INTO replica_count VALUES (?, ?, ?, ?, ?, ?)");
  for (const ReplicaCount& c : f.counts)
    count.bind(run).bind(c.pool).bind(c.time).bind(c.ready).bind(c.booting).bind(c.draining).execute();
}

std::optional<FleetStats> read_fleet(Connection& db, std::int64_t run) {
  FleetStats f;
  Statement total(db,
                  "SELECT waited, most_waiting, gateway_full, unreachable, floor_violations, pooling_gain, "
                  "peak_window_s FROM fleet WHERE run_id = ?");
  if (!total.bind(run).step()) return std::nullopt;
  total.read(f.waited).read(f.most_waiting).read(f.gateway_full).read(f.unreachable).read(f.floor_violations);
  total.read(f.pooling_gain).read(f.peak_window_s);
  Statement pool(db,
                 "SELECT region, price, price_unit, quality, boots, reclaims, requeued, failed_attempts, routed, "
                 "paid_replica_s, boot_replica_s FROM pool_fleet WHERE run_id = ? ORDER BY pool");
  for (pool.bind(run); pool.step();) {
    PoolFleet& p = f.pools.emplace_back();
    pool.read(p.region).read(p.price).read(p.price_unit).read(p.quality).read(p.boots).read(p.reclaims);
    pool.read(p.requeued).read(p.failed_attempts).read(p.routed).read(p.paid_replica_s).read(p.boot_replica_s);
  }
  Statement flow(db, "SELECT origin, pool, requests, rtt_s FROM region_flow WHERE run_id = ? ORDER BY entry");
  for (flow.bind(run); flow.step();) {
    RegionFlow& w = f.flows.emplace_back();
    flow.read(w.from).read(w.pool).read(w.requests).read(w.rtt_s);
  }
  Statement count(db,
                  "SELECT pool, time_ns, ready, booting, draining FROM replica_count WHERE run_id = ? "
                  "ORDER BY time_ns, pool");
  for (count.bind(run); count.step();) {
    ReplicaCount& c = f.counts.emplace_back();
    count.read(c.pool).read(c.time).read(c.ready).read(c.booting).read(c.draining);
  }
  return f;
}

}  // namespace tokenfab
