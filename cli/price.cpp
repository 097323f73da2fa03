#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json_object.h"
#include "cli/bases.h"
#include "cli/commands.h"
#include "cli/infeasible.h"
#include "cli/price_plans.h"
#include "cli/runs_json.h"
#include "cli/summary.h"
#include "reports/results_db.h"
#include "scenarios/resolve.h"
#include "sim/economics/plans/focus.h"

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
  json prices = json::parse(choice.prices);
  for (const auto& set : args.set) apply_set(prices, set);
  choice.prices = prices.dump();
  if (!choice.litellm.empty() && prices.contains("plan"))
    throw UserError("--litellm and another plan (--plan or --set /plan/...) exclude each other");
  const JsonObject view(prices, choice.name);
  for (const char* key : {"plan", "supply", "provider", "quality"}) (void)view.has(key);
  view.finish();
  return choice;
}

json priced_json(const PricedRun& run, const std::optional<BudgetReport>& budget, bool bases) {
  json out = run_json(run.record, bases);
  if (run.bill) out["bill"] = bill_json(*run.bill);
  if (budget) out["budget"] = budget_json(*budget);
  return out;
}

/// Files that the command reads; names that are no files (providers) do no harm.
std::vector<std::string> inputs_of(const PriceArgs& args) {
  std::vector<std::string> out = {args.database, args.plan, args.litellm};
  out.insert(out.end(), args.compare.begin(), args.compare.end());
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

/// Runs as they are priced: what the output needs of them, so that their number costs no memory.
class Prices {
 public:
  explicit Prices(const PriceArgs& args) : args_(args) {
    if (!args.focus.empty()) {
      const auto is_bill = [](std::string_view head) { return head.starts_with(focus_header()); };
      focus_.emplace(args.focus, FileKind{"a bill in FOCUS' columns", is_bill}, inputs_of(args));
      focus_->stream() << focus_header();
    }
  }

  void add(const PricedRun& run) {
    const RunRecord& record = run.record;
    if (args_.budget_usd > 0 && !run.plan)
      throw UserError("--budget needs a plan: the run has none, and none is given");
    std::optional<BudgetReport> budget;
    if (args_.budget_usd > 0) budget = judge_budget(args_.budget_usd, kAlerts, *run.plan, record);
    if (focus_) focus_->stream() << focus_rows(run, args_.focus_date);
    if (args_.json) return json_.add(priced_json(run, budget, args_.bases));
    summary_.add(record);
    if (record.replication > 0) return;
    if (args_.bases) bases_ += bases_text(record);
    if (run.bill) bills_ += bill_text(record, *run.bill);
    if (budget) bills_ += budget_text(record, *budget);
  }

  void print(const std::vector<InfeasibleAlternative>& refused) {
    if (focus_) focus_->commit();
    if (!args_.json) {
      std::cout << summary_.text() << bases_ << infeasible_text(refused) << bills_;
      return;
    }
    json more = json::object();
    if (!refused.empty()) more["infeasible"] = infeasible_json(refused);
    json_.print(std::cout, more);
  }

 private:
  const PriceArgs& args_;
  std::optional<OutputFile> focus_;
  Summary summary_;
  RunsJson json_;
  std::string bases_, bills_;
};

}  // namespace

void price(const PriceArgs& args) {
  ResultsDb db = ResultsDb::open(args.database);
  const MoneyCatalog money = MoneyCatalog::standard();
  if (!args.compare.empty()) return compare(args, complete_runs(db, args.database), money);
  const PlanChoice choice = chosen(args);
  Prices prices(args);
  int runs = 0;
  for (const auto& run : db.runs()) {
    if (!run.complete) continue;
    prices.add(price_under(db.load(run.id), choice, money));
    ++runs;
  }
  if (runs == 0) throw UserError(args.database + ": holds no complete run");
  prices.print(db.infeasible());
}

}  // namespace tokenfab::cli
