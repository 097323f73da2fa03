#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "cli/bases.h"
#include "cli/commands.h"
#include "cli/infeasible.h"
#include "cli/price_plans.h"
#include "cli/summary.h"
#include "reports/results_db.h"
#include "scenarios/resolve.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

constexpr double kAlerts[] = {0.5, 0.8, 1.0};

std::vector<RunRecord> complete_runs(ResultsDb& db, const std::string& path) {
  std::vector<RunRecord> records;
  for (const auto& run : db.runs())
    if (run.complete) records.push_back(db.load(run.id));
  if (records.empty()) throw UserError(path + ": holds no complete run");
  return records;
}

PlanChoice chosen(const PriceArgs& args) {
  PlanChoice choice = args.plan.empty() ? PlanChoice{"--set"} : choose_plan(args.plan);
  choice.litellm = args.litellm;
  choice.model = args.model;
  for (const auto& set : args.set) apply_set(choice.prices, set);
  if (!choice.litellm.empty() && choice.prices.contains("plan"))
    throw UserError("--litellm and another plan (--plan or --set /plan/...) exclude each other");
  const JsonObject view(choice.prices, choice.name);
  for (const char* key : {"plan", "supply", "provider", "quality"}) (void)view.has(key);
  view.finish();
  return choice;
}

json run_json(const PricedRun& run, const std::optional<BudgetReport>& budget, bool bases) {
  json out = runs_json({run.record}, bases);
  if (run.bill) out["bill"] = bill_json(*run.bill);
  if (budget) out["budget"] = budget_json(*budget);
  return out;
}

void compare(const PriceArgs& args, const std::vector<RunRecord>& records, const MoneyCatalog& money) {
  if (!args.plan.empty() || !args.set.empty() || !args.litellm.empty() || !args.focus.empty() || args.budget_usd > 0)
    throw UserError("--compare stands alone: put each plan into a file, or name providers");
  std::vector<PlanChoice> choices;
  for (const auto& name : args.compare) choices.push_back(choose_plan(name));
  const json rows = compare_plans(records, choices, money);
  if (args.json) std::cout << json{{"plans", rows}}.dump(2) << "\n";
  else std::cout << compare_text(rows);
}

}  // namespace

void price(const PriceArgs& args) {
  ResultsDb db = ResultsDb::open(args.database);
  const std::vector<RunRecord> records = complete_runs(db, args.database);
  const MoneyCatalog money = MoneyCatalog::standard();
  if (!args.compare.empty()) return compare(args, records, money);
  const PlanChoice choice = chosen(args);
  std::vector<PricedRun> runs;
  std::vector<std::optional<BudgetReport>> budgets;
  for (const auto& record : records) {
    runs.push_back(price_under(record, choice, money));
    const PricedRun& run = runs.back();
    if (args.budget_usd > 0 && !run.plan) throw UserError("--budget needs a plan: the run has none, and none is given");
    budgets.push_back(args.budget_usd > 0 ? std::optional(judge_budget(args.budget_usd, kAlerts, *run.plan, run.record))
                                          : std::nullopt);
  }
  if (!args.focus.empty()) write_focus(args.focus, args.focus_date, runs);
  if (args.json) {
    json out = run_json(runs.front(), budgets.front(), args.bases);
    for (std::size_t i = 0; runs.size() > 1 && i < runs.size(); ++i)
      out["runs"].push_back(run_json(runs[i], budgets[i], args.bases));
    if (const auto refused = db.infeasible(); !refused.empty()) out["infeasible"] = infeasible_json(refused);
    std::cout << out.dump(2) << "\n";
    return;
  }
  std::vector<RunRecord> priced;
  for (const auto& run : runs) priced.push_back(run.record);
  std::cout << summary(priced) << bases_texts(priced, args.bases) << infeasible_text(db.infeasible());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].record.replication > 0) continue;
    if (runs[i].bill) std::cout << bill_text(runs[i].record, *runs[i].bill);
    if (budgets[i]) std::cout << budget_text(runs[i].record, *budgets[i]);
  }
}

}  // namespace tokenfab::cli
