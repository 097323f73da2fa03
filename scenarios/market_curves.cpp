#include "scenarios/market_curves.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "scenarios/capacity.h"

namespace tokenfab {
namespace {

using nlohmann::json;

ServicePoint point_of(const RunRecord& r) {
  ServicePoint p;
  p.tokens_s = static_cast<double>(r.input_offered + r.output_offered) / r.arrival_span_s;
  p.requests_s = static_cast<double>(r.offered) / r.arrival_span_s;
  p.ttft_mean_s = r.latency.ttft.mean() * 1e-9;
  p.ttft_p99_s = r.latency.ttft.quantile(0.99) * 1e-9;
  p.tpot_mean_s = r.latency.tpot.mean() * 1e-9;
  p.tpot_p99_s = r.latency.tpot.quantile(0.99) * 1e-9;
  p.attainment = r.offered > 0 ? static_cast<double>(r.good_requests) / static_cast<double>(r.offered) : 1;
  p.busy_share = r.cost.utilisation_time;
  p.power_w = r.cost.energy_j / r.makespan_s;
  p.usd_h = r.cost.usd_total / r.makespan_s * 3600;
  return p;
}

/// The same hardware with nothing to do: as fast as at the lowest load simulated.
ServicePoint idle_point(RunRecord r, const std::vector<Supply>& supplies) {
  ServicePoint p = point_of(r);
  for (PoolUsage& u : r.pools) u.dynamic_energy_j = 0;
  price_run(r, supplies, std::nullopt);
  p.tokens_s = p.requests_s = p.busy_share = 0;
  p.power_w = r.cost.energy_j / r.makespan_s;
  p.usd_h = r.cost.usd_total / r.makespan_s * 3600;
  return p;
}

}  // namespace

FactoryRuns simulate_factory(const MarketFactory& factory, std::uint64_t seed, const RunOptions& options) {
  Scenario scenario;
  scenario.name = factory.name;
  scenario.seed = seed;
  RunOptions plain = options;
  plain.rows = false;
  plain.bands = false;
  Alternative unit = capacity_unit(factory.alternative);
  unit.name = factory.name;
  FoundCapacity most = find_capacity(scenario, unit, kCapacityRequests);
  if (most.at.offered < kFewestRequests)
    throw UserError(
        fmt::format("factory \"{}\": a service curve needs a workload of at least {} requests, this one has {}",
                    factory.name, kFewestRequests, most.at.offered));
  FactoryRuns out;
  out.factory = factory.name;
  const WorkloadPlan workload = unit.workload;
  for (const double load : kLoads) {
    unit.workload = sped_up(workload, most.rate_scale * load, kCapacityRequests);
    out.records.push_back(run_once(scenario, unit, 0, plain));
  }
  out.records.push_back(std::move(most.at));
  return out;
}

std::string curve_key(const MarketFactory& factory) {
  json document = json::parse(factory.alternative.json);
  for (const char* key : {"name", "description", "comment", "$schema"}) document.erase(key);
  for (json& pool : document["pools"]) pool.erase("supply");
  return document.dump();
}

CurveRecord priced_curve(const FactoryRuns& runs, const std::vector<Supply>& supplies) {
  CurveRecord out;
  out.factory = runs.factory;
  for (const PoolUsage& u : runs.records.front().pools) out.chips += u.chips;
  out.provenance = runs.records.front().provenance;
  out.error_band = runs.records.front().error_band;
  out.points.push_back(idle_point(runs.records.front(), supplies));
  for (RunRecord r : runs.records) {
    price_run(r, supplies, std::nullopt);
    out.points.push_back(point_of(r));
  }
  return out;
}

}  // namespace tokenfab
