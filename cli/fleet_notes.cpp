#include "cli/fleet_notes.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/shown.h"

namespace tokenfab::cli {
using nlohmann::json;

namespace {

constexpr const char* kPerMillion = "USD per million tokens";

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json pool_json(const PoolFleet& f, const PoolUsage& u) {
  json out = {{"name", u.name},
              {"boots", f.boots},
              {"reclaims", f.reclaims},
              {"requeued", f.requeued},
              {"failed_attempts", f.failed_attempts},
              {"routed", f.routed},
              {"paid_replica_s", f.paid_replica_s},
              {"boot_replica_s", f.boot_replica_s},
              {"paid_chip_s", u.paid_chip_seconds}};
  if (!f.region.empty()) out["region"] = f.region;
  if (f.quality > 0) out["quality"] = f.quality;
  if (!f.price_unit.empty()) out["price"] = {{"value", f.price}, {"unit", f.price_unit}};
  if (f.price_unit == kPerMillion) out["bill_usd"] = number(bill_usd(f, u));
  return out;
}

}  // namespace

double bill_usd(const PoolFleet& f, const PoolUsage& u) {
  return f.price_unit == kPerMillion ? f.price * static_cast<double>(u.input_tokens + u.output_tokens) / 1e6 : NAN;
}

json fleet_json(const RunRecord& r) {
  if (!r.fleet) return nullptr;
  const FleetStats& f = *r.fleet;
  json out = {{"waited", f.waited},
              {"most_waiting", f.most_waiting},
              {"gateway_full", f.gateway_full},
              {"unreachable", f.unreachable},
              {"floor_violations", f.floor_violations}};
  if (f.peak_window_s > 0) {
    out["pooling_gain"] = f.pooling_gain;
    out["peak_window_s"] = f.peak_window_s;
  }
  out["pools"] = json::array();
  for (std::size_t p = 0; p < f.pools.size(); ++p) out["pools"].push_back(pool_json(f.pools[p], r.pools[p]));
  out["flows"] = json::array();
  for (const RegionFlow& w : f.flows)
    out["flows"].push_back({{"from", w.from},
                            {"to", r.pools[static_cast<std::size_t>(w.pool)].name},
                            {"requests", w.requests},
                            {"rtt_s", w.rtt_s}});
  out["replica_counts"] = json::array();
  for (const ReplicaCount& c : f.counts)
    out["replica_counts"].push_back({{"pool", c.pool},
                                     {"time_s", seconds_from_ns(c.time)},
                                     {"ready", c.ready},
                                     {"booting", c.booting},
                                     {"draining", c.draining}});
  return out;
}

std::string fleet_note(const RunRecord& r) {
  if (!r.fleet) return "";
  const FleetStats& f = *r.fleet;
  std::string out = "\n";
  for (std::size_t p = 0; p < f.pools.size(); ++p) {
    const PoolFleet& pool = f.pools[p];
    const double makespan = r.makespan_s > 0 ? r.makespan_s : NAN;
    out += shown("{}, {}: {:.2f} replicas paid for in the mean, {} at most; {} boots, {:.1f} % of paid time",
                 r.alternative, r.pools[p].name, pool.paid_replica_s / makespan, r.pools[p].replicas, pool.boots,
                 pool.paid_replica_s > 0 ? 100 * pool.boot_replica_s / pool.paid_replica_s : 0);
    out += shown("; {} requests routed", pool.routed);
    if (pool.reclaims > 0) out += shown("; {} reclaims", pool.reclaims);
    if (pool.requeued > 0) out += shown("; {} requests lost their replica", pool.requeued);
    if (pool.failed_attempts > 0) out += shown("; {} failed attempts", pool.failed_attempts);
    if (!pool.price_unit.empty()) out += shown("; price {:.4g} {}", pool.price, pool.price_unit);
    if (const double bill = bill_usd(pool, r.pools[p]); std::isfinite(bill)) out += shown(", bill ${:.4f}", bill);
    if (pool.quality > 0) out += shown("; quality {:.4g}", pool.quality);
    out += "\n";
  }
  if (f.waited + f.gateway_full + f.unreachable > 0)
    out += shown("{}: {} requests waited at the gateway ({} at most), {} found it full, {} no pool could serve\n",
                 r.alternative, f.waited, f.most_waiting, f.gateway_full, f.unreachable);
  if (f.pools.front().quality > 0)
    out += shown("{}: {} requests below their quality floor\n", r.alternative, f.floor_violations);
  if (f.peak_window_s > 0)
    out += shown("{}: serving all regions from one place would save {:.1f} % of the sum of their peaks\n",
                 r.alternative, 100 * f.pooling_gain);
  return out;
}

}  // namespace tokenfab::cli
