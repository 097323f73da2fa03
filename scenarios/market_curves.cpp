#include "scenarios/market_curves.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "sim/economics/books.h"

namespace tokenfab {
namespace {

using nlohmann::json;

constexpr double kMostScale = 1e6;

/// Runs a factory with its rate of arrivals multiplied.
class Probe {
 public:
  Probe(const MarketFactory& factory, std::uint64_t seed, std::string trace, const RunOptions& options)
      : factory_(factory),
        trace_(std::move(trace)),
        options_(options),
        document_(json::parse(factory.alternative.json)) {
    scenario_.name = factory.name;
    scenario_.seed = seed;
    options_.rows = false;
    options_.bands = false;
    base_ = document_["workload"].value("rate_scale", 1.0);
  }

  RunRecord at(double scale) {
    document_["workload"]["rate_scale"] = base_ * scale;
    Alternative a = factory_.alternative;
    a.workload = load_workload(JsonObject(document_, factory_.name), trace_, a.assumptions);
    return run_once(scenario_, a, 0, options_);
  }
  bool good(double scale) {
    const RunRecord r = at(scale);
    if (r.offered < kFewestRequests)
      throw UserError(factory_.name + ": a service curve needs a workload of at least " +
                      std::to_string(kFewestRequests) + " requests, this one has " + std::to_string(r.offered));
    return !r.saturated &&
           static_cast<double>(r.good_requests) >= factory_.alternative.slo.attainment * static_cast<double>(r.offered);
  }

 private:
  static constexpr std::int64_t kFewestRequests = 100;
  const MarketFactory& factory_;
  std::string trace_;
  RunOptions options_;
  json document_;
  Scenario scenario_;
  double base_ = 1;
};

double highest_rate(Probe& probe, const std::string& factory) {
  double low = 0, high = 1;
  while (high <= kMostScale && probe.good(high)) low = high, high *= 2;
  if (low == 0)
    for (low = 0.5; !probe.good(low); low /= 2) {
      high = low;
      if (low < 1 / kMostScale)
        throw Infeasible("factory \"" + factory + "\": the SLO is missed at any rate of arrivals");
    }
  while (high / low > kRateStep) {
    const double middle = std::sqrt(low * high);
    (probe.good(middle) ? low : high) = middle;
  }
  return low;
}

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

FactoryRuns simulate_factory(const MarketFactory& factory, std::uint64_t seed, const std::string& trace,
                             const RunOptions& options) {
  Probe probe(factory, seed, trace, options);
  const double most = highest_rate(probe, factory.name);
  FactoryRuns out;
  out.factory = factory.name;
  for (const double load : kLoads) out.records.push_back(probe.at(most * load));
  return out;
}

std::string curve_key(const MarketFactory& factory) {
  json document = json::parse(factory.alternative.json);
  for (const char* key : {"name", "plan", "description", "comment", "$schema"}) document.erase(key);
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
