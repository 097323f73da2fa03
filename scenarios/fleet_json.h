#pragma once
#include <vector>

#include "base/json_object.h"
#include "scenarios/scenario.h"

namespace tokenfab {

/// Replicas that a pool begins with where it does not say: those an autoscaler keeps at least, else one.
std::int64_t first_replicas(const JsonObject& pool);

/// Reads a pool's "autoscale", "spot", "region", "price" and "quality" into `plan`, whose replicas are known. Defaults
/// are added to `assumptions`. Errors: UserError at the pointer.
///   "autoscale": {"policy": "reactive" | "predictive" | "scheduled" | "oracle", "min", "max", "target",
///     "signal": "outstanding" | "rate", "interval_s", "window_s", "cooldown_s",
///     "cold_start_s": seconds, or {"node", "driver", "image", "weights"} in seconds,
///     "lead_s", "season_s", "schedule": [{"at_s", "replicas"}, …], "period_s"}
///   "spot": {"hazard_per_hour", "notice_s", "restart_s"}
void read_pool_fleet(const JsonObject& pool, PoolPlan& plan, std::vector<Assumption>& assumptions);

/// Reads the scenario's "gateway", "regions" and "outages" into the alternative, whose pools, workload and router are
/// known, and checks that all of this goes together. Errors: UserError at the pointer.
///   "gateway": {"queue", "exclude_s", "quality_floors": [{"priority", "quality"}, …]}
///   "regions": see region_graph.h
///   "outages": [{"pool": name, "from_s", "to_s"}, …]
void read_fleet(const JsonObject& scenario, const std::vector<JsonObject>& pools, Alternative& alternative);

/// Routers that a scenario may name.
std::vector<std::string> router_names();

}  // namespace tokenfab
