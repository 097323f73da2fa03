#include "scenarios/fleet_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "scenarios/region_graph.h"
#include "scenarios/scaling_json.h"
#include "sim/economics/books.h"
#include "sim/fleet/pool_router.h"
#include "sim/fleet/router.h"

namespace tokenfab {
namespace {

/// Dollars an hour for one replica that stands idle.
double replica_price(const PoolPlan& plan) {
  const Deployment& d = plan.spec.model->deployment();
  PoolUsage usage;
  usage.paid_chip_seconds = d.chips() * 3600.0;
  usage.idle_energy_j = usage.paid_chip_seconds * (d.chip.idle_power.value + d.chip.host_power.value);
  RunRecord scratch;
  Books books(scratch);
  return pool_bill(usage, plan.supply, 0, books).usd;
}

void set_prices(const std::vector<JsonObject>& pools, Alternative& a) {
  const auto declared = [](const PoolPlan& p) { return !p.spec.fleet.price_unit.empty(); };
  const auto some = std::find_if(a.pools.begin(), a.pools.end(), declared);
  if (some != a.pools.end()) {
    for (std::size_t i = 0; i < a.pools.size(); ++i)
      if (!declared(a.pools[i])) pools[i].fail("price", "is missing; another pool declares one, so all must");
    return;
  }
  for (PoolPlan& p : a.pools) {
    p.spec.fleet.price = replica_price(p);
    p.spec.fleet.price_unit = "USD per replica-hour";
  }
  a.assumptions.push_back({"/router", "prices of pools", "what a replica costs per hour under its pool's supply"});
}

GatewaySpec read_gateway(const JsonObject& top, std::vector<Assumption>& assumptions) {
  GatewaySpec g;
  g.present = top.has("gateway");
  const JsonObject o = top.object_or_empty("gateway");
  g.queue = o.integer("queue", 0, 1'000'000'000, 0);
  const bool fails = top.has("outages");
  if (fails || o.has("exclude_s"))
    g.exclude_s =
        noted(o, "exclude_s", 1e-3, 1e6, 30, "a failed pool gets no requests for so long: assumption", assumptions);
  for (const JsonObject& f : o.objects("quality_floors")) {
    const auto priority = static_cast<std::size_t>(f.integer("priority", 0, 255));
    if (g.quality_floors.size() <= priority) g.quality_floors.resize(priority + 1);
    g.quality_floors[priority] = f.number_in("quality", 0, 1e9);
    f.finish();
  }
  o.finish();
  return g;
}

void read_regions(const JsonObject& top, const std::vector<JsonObject>& pools, Alternative& a) {
  const std::vector<std::string>& origins = a.workload.facts().regions;
  if (!top.has("regions")) {
    for (std::size_t i = 0; i < pools.size(); ++i)
      if (!a.pools[i].spec.fleet.region.empty()) pools[i].fail("region", "needs \"regions\" with their round trips");
    if (!origins.empty()) top.object("workload").fail("regions", "needs \"regions\" at the top with their round trips");
    return;
  }
  const RegionGraph graph(top.object("regions"));
  const JsonObject workload = top.object("workload");
  if (origins.empty()) workload.fail("regions", "is missing: where do the clients of the scenario's \"regions\" sit?");
  a.gateway.present = true;
  a.gateway.regions = origins;
  if (a.workload.facts().profile_window_s > 0) a.gateway.peak_window_s = a.workload.facts().profile_window_s;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    PoolFleetSpec& fleet = a.pools[i].spec.fleet;
    if (fleet.region.empty()) pools[i].fail("region", "is missing: where does this pool stand?");
    const std::size_t to = graph.find(pools[i], "region", fleet.region);
    for (const std::string& origin : origins) {
      fleet.rtt_s.push_back(graph.rtt_s(graph.find(workload, "regions", origin), to));
      if (!std::isfinite(fleet.rtt_s.back()))
        pools[i].fail("region", "no links lead from \"" + origin + "\" to \"" + fleet.region + "\"");
    }
  }
}

void read_outages(const JsonObject& top, Alternative& a) {
  for (const JsonObject& o : top.objects("outages")) {
    const std::string name = o.string("pool");
    const auto at = std::find_if(a.pools.begin(), a.pools.end(), [&](const auto& p) { return p.spec.name == name; });
    std::vector<std::string> names;
    for (const PoolPlan& p : a.pools) names.push_back(p.spec.name);
    if (at == a.pools.end())
      o.fail("pool", "\"" + name + "\" is no pool; allowed: " + join_names(names) + nearest_hint(name, names));
    PoolFleetSpec& fleet = at->spec.fleet;
    if (fleet.scaling || fleet.spot)
      o.fail("pool", "\"" + name + "\" has \"autoscale\" or \"spot\"; outages are of pools that stay");
    const OutageSpec outage{o.number_in("from_s", 0, 1e9), o.number_in("to_s", 0, 1e9)};
    if (outage.to_s <= outage.from_s) o.fail("to_s", "is not after from_s");
    if (!fleet.outages.empty() && outage.from_s <= fleet.outages.back().to_s)
      o.fail("from_s", "is not after the outage before it");
    fleet.outages.push_back(outage);
    o.finish();
  }
}

/// What the moving parts cannot be combined with.
void check_pools(const std::vector<JsonObject>& pools, const Alternative& a) {
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const PoolPlan& p = a.pools[i];
    const PoolFleetSpec& f = p.spec.fleet;
    if (p.spec.role != PoolRole::both)
      pools[i].fail("role",
                    "\"prefill\" and \"decode\" pools do not go with autoscale, spot, outages, regions, a gateway or "
                    "routers that choose pools");
    if (p.spec.batcher.prefix_cache && (f.spot || !f.outages.empty()))
      pools[i].fail("prefix_cache", "does not go with spot or outages: what requests had in common is not known again");
    if (p.fewest_replicas && f.moves())
      pools[i].fail("replicas", "\"fewest\" does not go with autoscale, spot or outages");
    if (!f.scaling || f.scaling->policy != ScalingPolicy::oracle) continue;
    if (a.workload.facts().closed_loop)
      pools[i].fail("autoscale", "\"oracle\" knows arrivals to come; those of sessions follow from the service itself");
    if (pools.size() > 1)
      pools[i].fail("autoscale", "\"oracle\" knows the arrivals of the whole factory, which must be one pool");
  }
}

void check_floors(const JsonObject& top, const std::vector<JsonObject>& pools, const Alternative& a) {
  const auto& floors = a.gateway.quality_floors;
  if (floors.empty()) return;
  const double highest = *std::max_element(floors.begin(), floors.end());
  double best = 0;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (a.pools[i].spec.fleet.quality <= 0) pools[i].fail("quality", "is missing, and the gateway has quality floors");
    best = std::max(best, a.pools[i].spec.fleet.quality);
  }
  if (a.router == "variant" && best < highest)
    top.object("gateway").fail("quality_floors",
                               "asks for " + shortest(highest) + "; the best pool has " + shortest(best));
}

}  // namespace

std::vector<std::string> router_names() {
  std::vector<std::string> out = Router::names();
  out.insert(out.end(), PoolRouter::names().begin(), PoolRouter::names().end());
  return out;
}

std::int64_t first_replicas(const JsonObject& pool) {
  return pool.has("autoscale") ? pool.object("autoscale").integer("min", 0, 100'000, 1) : 1;
}

void read_pool_fleet(const JsonObject& pool, PoolPlan& plan, std::vector<Assumption>& assumptions) {
  PoolFleetSpec& f = plan.spec.fleet;
  if (pool.has("autoscale")) {
    const JsonObject o = pool.object("autoscale");
    f.scaling = read_scaling(o, assumptions);
    if (!plan.fewest_replicas && (plan.spec.replicas < f.scaling->min || plan.spec.replicas > f.scaling->max))
      pool.fail("replicas",
                std::to_string(plan.spec.replicas) + ", those at the start, are not between autoscale's min and max");
  }
  if (pool.has("spot")) {
    const JsonObject o = pool.object("spot");
    f.spot = SpotSpec{o.number_in("hazard_per_hour", 0, 1e6), o.number_in("notice_s", 0, 1e6, 0),
                      o.number_in("restart_s", 0, 1e6, 0)};
    o.finish();
    const auto interrupted = [](const Rent& r) { return r.spot.interruptions_per_hour > 0; };
    const Supply& supply = plan.supply;
    if ((supply.rent && interrupted(*supply.rent)) ||
        std::any_of(supply.blend.begin(), supply.blend.end(), interrupted))
      pool.fail("spot", "simulates interruptions that the rent's \"interruptions_per_hour\" charges as well");
  }
  f.region = pool.string("region", "");
  f.quality = pool.number_in("quality", 0, 1e9, 0);
  if (!pool.has("price")) return;
  f.price = pool.number_in("price", 1e-9, 1e9);
  f.price_unit = "USD per million tokens";
}

void read_fleet(const JsonObject& top, const std::vector<JsonObject>& pools, Alternative& a) {
  a.gateway = read_gateway(top, a.assumptions);
  read_regions(top, pools, a);
  read_outages(top, a);
  const auto& choosers = PoolRouter::names();
  const bool chooses = std::find(choosers.begin(), choosers.end(), a.router) != choosers.end();
  const bool moves = std::any_of(a.pools.begin(), a.pools.end(), [](const auto& p) { return p.spec.fleet.moves(); });
  if (!chooses && !moves && !a.gateway.present) return;
  if (a.router == "cache-aware")
    top.fail("router",
             "\"cache-aware\" remembers replicas; it does not go with autoscale, spot, outages, regions or a gateway");
  check_pools(pools, a);
  check_floors(top, pools, a);
  if (chooses) set_prices(pools, a);
}

}  // namespace tokenfab
