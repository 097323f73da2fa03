#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "cli/bases.h"
#include "cli/commands.h"
#include "cli/summary.h"
#include "reports/results_db.h"
#include "scenarios/resolve.h"
#include "sim/core/bands.h"
#include "sim/economics/common_unit.h"
#include "sim/economics/supply.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

/// The run's own scenario with the new prices laid over it: "plan" as a whole, "supply" for every pool.
json repriced_scenario(const RunRecord& record, const json& prices) {
  json scenario = json::parse(record.scenario_json);
  if (prices.contains("plan")) scenario["plan"] = prices["plan"];
  if (prices.contains("quality")) scenario["quality"] = prices["quality"];
  if (prices.contains("supply"))
    for (auto& pool : scenario["pools"]) pool["supply"] = prices["supply"];
  return scenario;
}

void reprice(RunRecord& record, const json& prices, const std::string& name) {
  const json scenario = repriced_scenario(record, prices);
  const JsonObject top(scenario, name);
  const MoneyCatalog money = MoneyCatalog::standard();
  std::vector<Supply> supplies;
  std::vector<Assumption> assumed;
  const auto pools = top.objects("pools");
  for (std::size_t i = 0; i < pools.size(); ++i)
    supplies.push_back(read_supply(pools[i], record.pools[i].chip, money, assumed));
  std::optional<TokenPlan> plan;
  if (top.has("plan")) plan = parse_plan(top.object("plan"), record.pools[0].llm, money);
  record.cost = {};
  record.ledger.clear();
  record.prices.clear();
  price_run(record, supplies, plan);
  price_tasks(record, read_quality(top));
  drop_cost_bands(record.bands);
}

}  // namespace

void price(const PriceArgs& args) {
  json prices = args.plan.empty() ? json::object() : parse_json_file(args.plan);
  for (const auto& set : args.set) apply_set(prices, set);
  const std::string name = args.plan.empty() ? "--set" : args.plan;
  const JsonObject view(prices, name);
  for (const char* key : {"plan", "supply", "quality"}) (void)view.has(key);
  view.finish();

  ResultsDb db = ResultsDb::open(args.database);
  std::vector<RunRecord> records;
  for (const auto& run : db.runs()) {
    if (!run.complete) continue;
    records.push_back(db.load(run.id));
    reprice(records.back(), prices, name);
  }
  if (records.empty()) throw UserError(args.database + ": holds no complete run");
  if (!args.json) {
    std::cout << summary(records) << bases_texts(records, args.bases);
    return;
  }
  std::cout << runs_json(records, args.bases).dump(2) << "\n";
}

}  // namespace tokenfab::cli
