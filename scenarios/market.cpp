#include "scenarios/market.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "scenarios/market_json.h"
#include "scenarios/resolve.h"

namespace tokenfab {
namespace {

using nlohmann::json;

/// Keys of a scenario that a factory may have, or take from the market scenario around it.
constexpr const char* kShared[] = {"workload", "slo"};
constexpr const char* kOwn[] = {"pools", "router", "horizon_s"};

Alternative chosen(const JsonObject& o, const Scenario& scenario) {
  std::vector<std::string> names;
  for (const auto& a : scenario.alternatives) names.push_back(a.name);
  const std::string wanted = o.has("alternative") ? o.one_of("alternative", names) : names.front();
  if (names.size() > 1 && !o.has("alternative"))
    o.fail("alternative", "is missing; the scenario has several: " + join_names(names));
  return scenario.alternatives[static_cast<std::size_t>(std::find(names.begin(), names.end(), wanted) - names.begin())];
}

/// A factory of the scenario's own, with the workload and SLO around it, or one of another file.
Alternative read_alternative(const JsonObject& o, const JsonObject& top, const ScenarioOptions& options) {
  ScenarioOptions inner;
  inner.trace = options.trace;
  if (o.has("scenario")) return chosen(o, load_scenario(resolve_path(o.string("scenario"), o.file()), inner));
  json text = {{"name", o.string("name")}};
  for (const char* key : kShared) {
    if (o.has(key)) text[key] = o.raw(key);
    else if (top.has(key)) text[key] = top.raw(key);
  }
  for (const char* key : kOwn)
    if (o.has(key)) text[key] = o.raw(key);
  if (!text.contains("workload")) o.fail("workload", "is missing, here and at the top");
  if (!text.contains("pools")) o.fail("pools", "is missing; a factory has \"pools\", or the \"scenario\" of a file");
  return parse_scenario(text.dump(), o.file() + " (factory \"" + o.string("name") + "\")", inner).alternatives[0];
}

MarketFactory read_factory(const JsonObject& o, const JsonObject& top, const ScenarioOptions& options) {
  MarketFactory f;
  f.name = o.string("name");
  f.alternative = read_alternative(o, top, options);
  const json document = json::parse(f.alternative.json);
  if (document["workload"].contains("sessions"))
    o.fail("workload", "is a closed loop; a service curve needs arrivals whose rate can be scaled");
  for (const PoolPlan& pool : f.alternative.pools)
    if (pool.fewest_replicas) o.fail("pools", "asks for the fewest replicas; a factory's replica is given");
  o.finish();
  return f;
}

std::vector<MarketFactory> read_factories(const JsonObject& market, const JsonObject& top,
                                          const ScenarioOptions& options) {
  std::vector<MarketFactory> out;
  for (const JsonObject& o : market.objects("factories")) {
    const std::string name = o.string("name");
    for (const auto& other : out)
      if (other.name == name) o.fail("name", "\"" + name + "\" names two factories");
    out.push_back(read_factory(o, top, options));
  }
  return out;
}

template <class Plan, class Read>
void read_section(const JsonObject& market, const char* key, std::optional<Plan>& plan, Read read) {
  if (!market.has(key)) return;
  const JsonObject o = market.object(key);
  plan = read(o);
  o.finish();
}

std::string text_of(const std::string& path) { return read_file(path, kMostJsonBytes); }

}  // namespace

bool is_market_scenario(const std::string& path) {
  const json document = parse_json_text(text_of(path), path);
  return document.is_object() && document.contains("market");
}

MarketPlan parse_market(const std::string& text, const std::string& name, const ScenarioOptions& options) {
  json document = parse_json_text(text, name);
  (void)JsonObject(document, name);
  for (const auto& assignment : options.set) apply_set(document, assignment);
  const JsonObject top(document, name);
  MarketPlan plan;
  plan.name = top.string("name", name);
  plan.json = document.dump(2);
  plan.seed = options.seed ? *options.seed : static_cast<std::uint64_t>(top.integer("seed", 0, INT64_MAX, 1));
  for (const char* key : {"seed", "description", "workload", "slo"}) (void)top.has(key);
  const JsonObject market = top.object("market");
  plan.start_year = market.number_in("start_year", 1990, 2200, 2026);
  plan.factories = read_factories(market, top, options);
  const MoneyCatalog money = MoneyCatalog::standard();
  MarketContext context{money, plan.factories, read_segments(market), plan.assumptions};
  if (market.has("providers")) plan.competition = read_competition(market, context);
  read_section(market, "exchange", plan.exchange,
               [&](const JsonObject& o) { return read_exchange(o, plan.seed, context); });
  read_section(market, "regions", plan.regions, [&](const JsonObject& o) { return read_regions(o, context); });
  read_section(market, "rebound", plan.rebound, [&](const JsonObject& o) { return read_rebound(o, context); });
  read_section(market, "threshold", plan.threshold, [&](const JsonObject& o) { return read_threshold(o, context); });
  read_section(market, "subsidy", plan.subsidy, [&](const JsonObject& o) { return read_subsidy(o, context); });
  read_section(market, "routing", plan.routing,
               [&](const JsonObject& o) { return read_routing(o, plan.seed, context); });
  const bool sections = plan.exchange || plan.regions || plan.rebound || plan.threshold || plan.subsidy || plan.routing;
  if (!plan.competition && !sections)
    market.fail("", "has nothing to do; allowed: providers, exchange, regions, rebound, threshold, subsidy, routing");
  market.finish();
  top.finish();
  for (const auto& f : plan.factories)
    for (Assumption a : f.alternative.assumptions) {
      a.what = f.name + ": " + a.what;
      plan.assumptions.push_back(std::move(a));
    }
  return plan;
}

MarketPlan load_market(const std::string& path, const ScenarioOptions& options) {
  return parse_market(text_of(path), path, options);
}

}  // namespace tokenfab
