#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/core/records.h"
#include "sim/economics/budget.h"
#include "sim/economics/money_catalog.h"
#include "sim/economics/plans/plan.h"

namespace tokenfab::cli {

/// Prices to lay over runs: a document with "plan" and "supply", or a tariff read elsewhere.
struct PlanChoice {
  std::string name;                      // for messages and tables
  std::string prices = "{}";             // JSON
  std::string litellm = {}, model = {};  // a price list in place of "plan"; the model: "" = the run's
};

/// "own", a file with "plan" and "supply", or a provider.
PlanChoice choose_plan(const std::string& name);

struct PricedRun {
  RunRecord record;
  std::optional<PricePlan> plan;
  std::optional<Bill> bill;
};
/// The run under the chosen prices; what they leave out stays as in its scenario.
PricedRun price_under(const RunRecord& record, const PlanChoice& choice, const MoneyCatalog& money);

nlohmann::json bill_json(const Bill& bill);
std::string bill_text(const RunRecord& record, const Bill& bill);
nlohmann::json budget_json(const BudgetReport& report);
std::string budget_text(const RunRecord& record, const BudgetReport& report);

/// A row per alternative and plan, over replications.
nlohmann::json compare_plans(const std::vector<RunRecord>& records, const std::vector<PlanChoice>& choices,
                             const MoneyCatalog& money);
std::string compare_text(const nlohmann::json& rows);

/// A run's bill as FOCUS rows; `date`: the day on which the clock starts. Errors: UserError where there is no bill.
std::string focus_rows(const PricedRun& run, const std::string& date);

}  // namespace tokenfab::cli
