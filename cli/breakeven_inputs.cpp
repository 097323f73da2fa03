#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "cli/breakeven.h"
#include "cli/record_json.h"
#include "reports/results_db.h"
#include "scenarios/capacity.h"
#include "scenarios/resolve.h"
#include "sim/economics/plans/read_plan.h"
#include "sim/economics/pricing.h"
#include "sim/economics/supply.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

/// The unit's capacity from the simulator; where there is none to be found, why.
void search_capacity(const Scenario& scenario, const Alternative& alternative, BreakEvenInput& input) {
  try {
    FoundCapacity found = find_capacity(scenario, alternative);
    input.capacity = found.unit;
    const double units = growth_units(input.record);
    input.record.capacity = {found.unit.requests_per_s * units, found.unit.requests_per_s_high * units, found.unit.how};
    price_all(input.record, {input.supplies, input.plan, input.provider, std::nullopt});
    input.at_capacity = std::move(found.at);
    input.runs = found.runs;
    input.attained = found.attained;
  } catch (const Infeasible& e) {
    input.capacity.how = std::string("none: ") + e.what();
  } catch (const UserError& e) {
    input.capacity = capacity_of_run(input.record);
    input.capacity.how += "; not searched for, because " + std::string(e.what());
  }
  if (input.at_capacity.pools.empty()) input.at_capacity = input.record;
}

/// The run priced anew from its own scenario with `set` laid over it.
BreakEvenInput stored_input(RunRecord record, const std::vector<std::string>& set, const std::string& database) {
  json scenario = scenario_of(record);
  for (const auto& assignment : set) apply_set(scenario, assignment);
  const JsonObject top(scenario, database);
  const MoneyCatalog money = MoneyCatalog::standard();
  std::vector<Assumption> assumed;
  BreakEvenInput input;
  const auto pools = top.objects("pools");
  if (pools.size() != record.pools.size())
    top.fail("pools", "are not those that were simulated; run the scenario again");
  for (std::size_t i = 0; i < pools.size(); ++i)
    input.supplies.push_back(read_supply(pools[i], record.pools[i].chip, money, assumed));
  std::optional<PricePlan> plan;
  if (top.has("plan")) plan = read_price_plan(top.object("plan"), {record.pools[0].llm, money, assumed});
  if (top.has("provider")) input.provider = read_provider(top.object("provider"));
  record.scenario_json = scenario.dump();
  price_all(record, {input.supplies, plan, input.provider, std::nullopt});
  input.plan = plan;
  input.capacity = capacity_of_run(record);
  input.at_capacity = record;
  input.record = std::move(record);
  return input;
}

}  // namespace

BreakEvenInputs simulated_inputs(const ScenarioArgs& args) {
  Scenario scenario = load_scenario(args.path, {args.set, args.seed, args.trace});
  RunOptions options;
  options.rows = false;
  size_scenario(scenario, options);
  BreakEvenInputs out{{}, scenario.infeasible};
  for (const Alternative& alternative : scenario.alternatives) {
    BreakEvenInput input;
    input.simulated = true;
    input.record = run_once(scenario, alternative, 0, options);
    input.plan = alternative.plan;
    input.provider = alternative.provider;
    for (const PoolPlan& pool : alternative.pools) input.supplies.push_back(pool.supply);
    search_capacity(scenario, alternative, input);
    out.all.push_back(std::move(input));
  }
  return out;
}

BreakEvenInputs stored_inputs(const std::string& database, const std::vector<std::string>& set) {
  ResultsDb db = ResultsDb::open(database);
  BreakEvenInputs out;
  for (const RunSummary& run : db.runs())
    if (run.complete && run.replication == 0) out.all.push_back(stored_input(db.load(run.id), set, database));
  if (out.all.empty()) throw UserError(database + ": holds no complete run");
  return out;
}

}  // namespace tokenfab::cli
