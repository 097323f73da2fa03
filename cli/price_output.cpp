#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/price_plans.h"
#include "cli/shown.h"
#include "sim/core/same_inputs.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

std::string text(const json& value) { return value.is_number() ? shown("{:.4g}", value.get<double>()) : "-"; }

std::string percent(const json& value) {
  return value.is_number() ? shown("{:.1f} %", 100 * value.get<double>()) : "-";
}

json figures_json(const Bill& bill) {
  json out = json::object();
  for (const Figure& f : bill.figures) out[f.name] = number(f.value);
  return out;
}

constexpr const char* kCharges[] = {"usage", "purchase", "unused", "credit"};

/// One plan's row from the replications of one alternative.
json compared(const std::vector<const RunRecord*>& replications, const PlanChoice& choice, const MoneyCatalog& money) {
  std::vector<double> margins;
  double revenue = 0, cost = 0;
  json figures = json::object();
  bool planned = true;
  for (const RunRecord* record : replications) {
    const PricedRun run = price_under(*record, choice, money);
    planned = planned && run.bill;
    if (!run.bill) continue;
    if (margins.empty()) figures = figures_json(*run.bill);
    revenue += run.bill->usd;
    cost += run.record.cost.usd_total;
    margins.push_back(run.bill->usd - run.record.cost.usd_total);
  }
  json row = {
      {"alternative", replications.front()->alternative}, {"plan", choice.name}, {"replications", replications.size()}};
  if (!planned) return row;
  const auto n = static_cast<double>(replications.size());
  const LossRisk risk = loss_risk(margins);
  row["revenue_usd"] = revenue / n;
  row["cost_usd"] = cost / n;
  row["margin"] = number(revenue > 0 ? 1 - cost / revenue : NAN);
  row["loss_risk"] = {{"share", number(risk.share)}, {"at_most", number(risk.at_most)}};
  row["figures"] = figures;
  return row;
}

}  // namespace

json bill_json(const Bill& bill) {
  json lines = json::array();
  for (const BillLine& l : bill.lines)
    lines.push_back({{"account", l.account},
                     {"charge", kCharges[static_cast<std::size_t>(l.charge)]},
                     {"quantity", l.quantity},
                     {"unit", l.unit},
                     {"usd", l.usd},
                     {"list_usd", l.list_usd},
                     {"effective_usd", l.effective_usd},
                     {"commitment", l.commitment.empty() ? json(nullptr) : json(l.commitment)},
                     {"basis", l.basis}});
  return {{"usd", bill.usd}, {"lines", lines}, {"figures", figures_json(bill)}};
}

std::string bill_text(const RunRecord& record, const Bill& bill) {
  std::vector<std::vector<std::string>> table = {
      {"Bill of " + record.alternative, "charge", "quantity", "USD", "effective USD"}};
  for (const BillLine& l : bill.lines)
    table.push_back({l.account, kCharges[static_cast<std::size_t>(l.charge)], shown("{:.6g} {}", l.quantity, l.unit),
                     shown("{:.6g}", l.usd), shown("{:.6g}", l.effective_usd)});
  table.push_back({"sum", "", "", shown("{:.6g}", bill.usd), ""});
  std::string out = "\n" + text_table(table);
  for (const Figure& f : bill.figures)
    out += shown("{}: {}{}\n", f.name, std::isfinite(f.value) ? shown("{:.6g}", f.value) : "-",
                 f.unit == "1" ? "" : " " + f.unit);
  return out;
}

json budget_json(const BudgetReport& b) {
  json alerts = json::array();
  const auto hours = [](const std::optional<double>& h) { return h ? json(*h) : json(nullptr); };
  for (const BudgetAlert& a : b.alerts) alerts.push_back({{"share", a.share}, {"hours", hours(a.hours)}});
  return {{"usd_per_month", b.budget_usd},
          {"spent_usd", b.spent_usd},
          {"alerts", alerts},
          {"month_usd",
           {{"low", number(b.month.low)},
            {"middle", number(b.month.middle)},
            {"high", number(b.month.high)},
            {"why_no_band", b.month.why_no_band.empty() ? json(nullptr) : json(b.month.why_no_band)}}},
          {"reached_after_hours", hours(b.cap_hours)}};
}

std::string budget_text(const RunRecord& record, const BudgetReport& b) {
  std::string out = shown("\nBudget of {}: ${:.6g} a month, ${:.6g} spent; a month like this run ${:.6g} ({}), {}\n",
                          record.alternative, b.budget_usd, b.spent_usd, b.month.middle,
                          b.month.why_no_band.empty() ? shown("90 % band {:.6g}-{:.6g}", b.month.low, b.month.high)
                                                      : "no band: " + b.month.why_no_band,
                          b.cap_hours ? shown("budget reached after {:.4g} h", *b.cap_hours) : "within budget");
  for (const BudgetAlert& a : b.alerts)
    if (a.hours) out += shown("{:.0f} % used after {:.4g} h\n", 100 * a.share, *a.hours);
  return out;
}

json compare_plans(const std::vector<RunRecord>& records, const std::vector<PlanChoice>& choices,
                   const MoneyCatalog& money) {
  std::vector<std::vector<const RunRecord*>> groups;
  for (const RunRecord& r : records) {
    auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return same_inputs(*g.front(), r); });
    if (same == groups.end()) same = groups.insert(groups.end(), {{}});
    same->push_back(&r);
  }
  std::vector<std::string> names;
  for (const auto& group : groups) names.push_back(group.front()->alternative);
  names = distinct_names(names);
  json rows = json::array();
  for (std::size_t i = 0; i < groups.size(); ++i)
    for (const PlanChoice& choice : choices) {
      rows.push_back(compared(groups[i], choice, money));
      rows.back()["alternative"] = names[i];
    }
  return rows;
}

std::string compare_text(const json& rows) {
  std::vector<std::vector<std::string>> table = {{"alternative", "plan", "revenue USD", "USD per M tokens", "cost USD",
                                                  "margin", "share of runs at a loss (at most)"}};
  for (const json& row : rows) {
    std::vector<std::string> line = {row["alternative"], row["plan"]};
    if (!row.contains("revenue_usd")) {
      line.insert(line.end(), {"-", "-", "-", "-", "-"});
    } else {
      const json& risk = row["loss_risk"];
      line.insert(line.end(), {text(row["revenue_usd"]), text(row["figures"]["usd_per_mtok"]), text(row["cost_usd"]),
                               percent(row["margin"]), percent(risk["share"]) + " (" + percent(risk["at_most"]) + ")"});
    }
    table.push_back(std::move(line));
  }
  return text_table(table);
}

}  // namespace tokenfab::cli
