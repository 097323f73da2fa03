#include "scenarios/scenario.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "scenarios/disaggregation.h"
#include "scenarios/fleet_json.h"
#include "scenarios/resolve.h"
#include "scenarios/sizing.h"
#include "scenarios/spending_json.h"
#include "scenarios/stack.h"
#include "sim/economics/plans/read_plan.h"
#include "sim/fleet/router.h"

namespace tokenfab {
using nlohmann::json;

namespace {

Slo read_slo(const JsonObject& top) {
  const JsonObject o = top.object_or_empty("slo");
  Slo slo;
  slo.ttft_s = o.number_in("ttft_s", 0, 1e6, 0);
  slo.tpot_s = o.number_in("tpot_s", 0, 1e6, 0);
  slo.e2e_s = o.number_in("e2e_s", 0, 1e9, 0);
  slo.attainment = o.number_in("attainment", 0.01, 1, 0.95);
  o.finish();
  return slo;
}

std::optional<PricePlan> read_plan(const JsonObject& top, const std::string& llm, const MoneyCatalog& money,
                                   std::vector<Assumption>& assumptions) {
  if (!top.has("plan")) return std::nullopt;
  return read_price_plan(top.object("plan"), {llm, money, assumptions});
}

/// Its prices are read by the command that compares them.
void check_break_even(const JsonObject& top) {
  const JsonObject o = top.object_or_empty("breakeven");
  (void)o.has("rent");
  (void)o.object_or_empty("own");
  if (o.has("api")) (void)o.object("api").raw("pay_per_token");
  o.finish();
}

Alternative load_alternative(const ResolvedAlternative& resolved, const std::string& file,
                             const ScenarioOptions& options) {
  const Catalog catalog = Catalog::standard();
  const MoneyCatalog money = MoneyCatalog::standard();
  const json document = json::parse(resolved.json);
  const JsonObject top(document, file);
  Alternative a;
  a.name = resolved.name;
  a.json = resolved.json;
  for (const char* key : {"name", "seed", "replications", "sweep", "description", "infeasible"}) (void)top.has(key);
  a.workload = load_workload(top, options.trace, a.assumptions);
  a.slo = read_slo(top);
  a.horizon_s = top.number_in("horizon_s", 0, 1e9, 0);
  const auto pools = top.objects("pools");
  if (pools.empty()) top.fail("pools", "is missing or empty; at least one pool of replicas is needed");
  for (const auto& pool : pools) a.pools.push_back(load_sized_pool(pool, catalog, money, a.assumptions));
  connect_pools(pools, a.pools, a.assumptions);
  if (!top.has("router"))
    a.assumptions.push_back({"/router", "least-outstanding", "the common default of LLM gateways"});
  a.router = top.one_of("router", router_names(), "least-outstanding");
  read_fleet(top, pools, a);
  a.plan = read_plan(top, a.pools[0].spec.model->deployment().llm.id, money, a.assumptions);
  check_break_even(top);
  if (top.has("provider")) {
    if (!a.plan) top.fail("provider", "needs a \"plan\": without one there is no revenue");
    a.provider = read_provider(top.object("provider"));
  }
  a.spending = read_spending(top, a.plan, a.assumptions);
  a.quality = read_quality(top);
  top.finish();
  return a;
}

}  // namespace

Scenario parse_scenario(const std::string& text, const std::string& name, const ScenarioOptions& options) {
  json document = parse_json_text(text, name);
  const JsonObject before(document, name);
  if (before.has("market"))
    before.fail("market", "is played by \"tokenfab run\"; here a scenario with factories is needed");
  for (const auto& assignment : options.set) apply_set(document, assignment);
  expand_stack(document, name);
  const JsonObject top(document, name);
  Scenario s;
  s.lists_infeasible = top.one_of("infeasible", {"refuse", "list"}, "refuse") == "list";
  s.name = top.string("name", name);
  s.seed = options.seed ? *options.seed : static_cast<std::uint64_t>(top.integer("seed", 0, INT64_MAX, 1));
  s.replications = static_cast<int>(top.integer("replications", 1, 10'000, 1));
  if (top.has("sweep")) top.fail("sweep", "sweeps are not supported by this version; run the points with --set");
  const bool several = document.contains("alternatives");
  for (const auto& alternative : resolve_alternatives(document, name)) {
    const std::string where = several ? name + " (alternative \"" + alternative.name + "\")" : name;
    try {
      s.alternatives.push_back(load_alternative(alternative, where, options));
    } catch (const Infeasible& e) {
      if (!s.lists_infeasible) throw;
      const std::string reason = e.what(), place = where + ": ";
      s.infeasible.push_back({alternative.name, reason.starts_with(place) ? reason.substr(place.size()) : reason});
    }
  }
  if (s.alternatives.empty()) throw Infeasible(name + ": no alternative can work; " + s.infeasible.front().reason);
  return s;
}

Scenario load_scenario(const std::string& path, const ScenarioOptions& options) {
  return parse_scenario(read_file(path, kMostJsonBytes), path, options);
}

}  // namespace tokenfab
