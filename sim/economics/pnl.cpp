#include "sim/economics/pnl.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "sim/economics/demand.h"
#include "sim/economics/formulas.h"

namespace tokenfab {
namespace {

constexpr double kDaysPerMonth = kHoursPerMonth / 24;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

Provider::Monthly read_monthly(const JsonObject& provider, const std::string& key) {
  const JsonObject o = provider.object_or_empty(key);
  Provider::Monthly out;
  for (const std::string& name : o.keys())
    if (name != "comment") out.emplace_back(name, o.number_in(name, 0, 1e15));
  o.finish();
  return out;
}

double sum(const Provider::Monthly& lines) {
  double usd = 0;
  for (const auto& [name, amount] : lines) usd += amount;
  return usd;
}

bool varies(const LedgerEntry& entry, const Provider& provider) {
  return std::any_of(provider.variable.begin(), provider.variable.end(),
                     [&](const std::string& account) { return entry.account.starts_with(account); });
}

double variable_compute(const std::vector<LedgerEntry>& ledger, const Provider& provider) {
  double usd = 0;
  for (const LedgerEntry& e : ledger)
    if (e.usd > 0 && varies(e, provider)) usd += e.usd;
  return usd;
}

}  // namespace

Provider read_provider(const JsonObject& o) {
  Provider p;
  p.name = o.string("name", "provider");
  p.fixed = read_monthly(o, "fixed_usd_per_month");
  p.other_cogs = read_monthly(o, "cogs_usd_per_month");
  p.cash_usd = o.number_in("cash_usd", 0, 1e15, p.cash_usd);
  p.monetised_share = o.number_in("monetised_share", 0, 1, p.monetised_share);
  p.marketplace_share = o.number_in("marketplace_share", 0, 1, p.marketplace_share);
  p.platform_fee_share = o.number_in("platform_fee_share", 0, 100, p.platform_fee_share);
  p.growth_per_month = o.number_in("growth_per_month", -0.99, 10, p.growth_per_month);
  if (o.has("variable_accounts")) {
    p.variable.clear();
    if (!o.raw("variable_accounts").is_array()) o.fail("variable_accounts", "is not a list of ledger accounts");
    for (const auto& account : o.raw("variable_accounts")) {
      if (!account.is_string()) o.fail("variable_accounts", "is not a list of ledger accounts");
      p.variable.push_back(account.get<std::string>());
    }
  }
  o.finish();
  return p;
}

PnlSummary profit_and_loss(const RunRecord& r, const Provider& provider, const MonthAtLoad& month) {
  if (r.makespan_s <= 0)
    throw UserError("provider " + provider.name + ": a run without length has no month to extrapolate to");
  PnlSummary s;
  s.provider = provider.name;
  s.months = r.makespan_s / 3600 / kHoursPerMonth;
  s.list_revenue_usd = r.cost.revenue_usd;
  s.revenue_usd = s.list_revenue_usd * provider.monetised_share;
  s.compute_usd = r.cost.usd_total;
  s.marketplace_usd = s.revenue_usd * provider.marketplace_share;
  s.platform_fee_usd = s.compute_usd * provider.platform_fee_share;
  const double other = sum(provider.other_cogs);  // a month
  s.cogs_usd = s.compute_usd + s.platform_fee_usd + s.marketplace_usd + other * s.months;
  s.variable_usd = variable_compute(r.ledger, provider) * (1 + provider.platform_fee_share) + s.marketplace_usd;
  s.contribution_usd = s.revenue_usd - s.variable_usd;
  const double revenue = month.revenue_usd * provider.monetised_share, shop = revenue * provider.marketplace_share;
  const double fee = 1 + provider.platform_fee_share, cogs = month.compute_usd * fee + shop + other;
  const double variable = variable_compute(month.ledger, provider) * fee + shop;
  s.gross_margin = gross_margin(revenue, cogs);
  s.contribution_margin = gross_margin(revenue, variable);
  s.markup = markup_on_cost(revenue, cogs);
  s.fixed_usd_month = sum(provider.fixed);
  s.break_even_price_factor = revenue > shop ? (cogs - shop + s.fixed_usd_month) / (revenue - shop) : kNone;
  const double tokens = static_cast<double>(r.input_served + r.output_served) / s.months;
  s.subsidy_usd_per_mtok = tokens > 0 ? (cogs - revenue) / tokens * 1e6 : kNone;
  s.loss_leader = revenue < cogs;
  s.contribution_negative = revenue < variable;
  s.revenue_usd_month = revenue;
  s.cogs_usd_month = cogs;
  s.net_burn_usd_month = s.cogs_usd_month - s.revenue_usd_month + s.fixed_usd_month;
  s.month_basis = "the load of the run, around the clock";
  s.load_factor = r.cost.load;
  s.growth_per_month = provider.growth_per_month;
  s.cash_usd = provider.cash_usd >= 0 ? provider.cash_usd : kNone;
  if (provider.cash_usd < 0) {
    s.runway_months = kNone;
    return s;
  }
  // Costs that do not grow with the volume: fixed ones, other cost of revenue, and compute that is owed in any case.
  const double owed = month.compute_usd - variable_compute(month.ledger, provider);
  const double steady = s.fixed_usd_month + other + owed * fee;
  s.runway_months =
      runway_days(provider.cash_usd, (s.net_burn_usd_month - steady) / kDaysPerMonth, steady / kDaysPerMonth,
                  std::expm1(std::log1p(provider.growth_per_month) / kDaysPerMonth)) /
      kDaysPerMonth;
  return s;
}

double amortised_unit_cost(double variable, double fixed, double volume) { return variable + fixed / volume; }

double volume_for_unit_cost(double variable, double fixed, double target) {
  return target > variable ? fixed / (target - variable) : std::numeric_limits<double>::infinity();
}

}  // namespace tokenfab
