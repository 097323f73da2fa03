#include "cli/pnl.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/shown.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

std::string runway(const PnlSummary& p) {
  if (std::isnan(p.cash_usd)) return "";
  const std::string growth =
      p.growth_per_month != 0 ? shown(" at {:+.3g} % volume a month", 100 * p.growth_per_month) : "";
  if (std::isinf(p.runway_months)) return shown("  ${:.6g} in cash never runs out{}\n", p.cash_usd, growth);
  return shown("  ${:.6g} in cash lasts {:.1f} months{}\n", p.cash_usd, p.runway_months, growth);
}

std::string verdicts(const PnlSummary& p) {
  std::string out;
  if (p.loss_leader)
    out +=
        shown("  LOSS LEADER: each million tokens is subsidised with ${:.4g}; prices would have to be {:.3g} x these\n",
              p.subsidy_usd_per_mtok, p.break_even_price_factor);
  if (p.contribution_negative)
    out += "  NEGATIVE CONTRIBUTION: users pay less than the variable cost, so every further token loses money\n";
  return out;
}

}  // namespace

json pnl_json(const PnlSummary& p) {
  json out = {{"provider", p.provider},
              {"months", p.months},
              {"list_revenue_usd", p.list_revenue_usd},
              {"revenue_usd", p.revenue_usd},
              {"cogs_usd", p.cogs_usd},
              {"compute_usd", p.compute_usd},
              {"platform_fee_usd", p.platform_fee_usd},
              {"marketplace_usd", p.marketplace_usd},
              {"variable_usd", p.variable_usd},
              {"contribution_usd", p.contribution_usd},
              {"gross_margin", number(p.gross_margin)},
              {"contribution_margin", number(p.contribution_margin)},
              {"markup", number(p.markup)},
              {"break_even_price_factor", number(p.break_even_price_factor)},
              {"subsidy_usd_per_mtok", number(p.subsidy_usd_per_mtok)},
              {"loss_leader", p.loss_leader},
              {"contribution_negative", p.contribution_negative}};
  out["per_month"] = {
      {"revenue_usd", p.revenue_usd_month},   {"cogs_usd", p.cogs_usd_month}, {"fixed_usd", p.fixed_usd_month},
      {"net_burn_usd", p.net_burn_usd_month}, {"basis", p.month_basis},       {"load_factor", number(p.load_factor)}};
  if (!std::isnan(p.cash_usd))
    out["runway"] = {{"cash_usd", p.cash_usd},
                     {"growth_per_month", p.growth_per_month},
                     {"months", number(p.runway_months)},
                     {"ends", std::isfinite(p.runway_months)}};
  return out;
}

std::string pnl_text(const PnlSummary& p) {
  std::string out = shown(
      "{}: gross margin {:.1f} %, contribution margin {:.1f} %, markup {:.1f} %\n"
      "  a month ({}{}): revenue ${:.2f}, cost of revenue ${:.2f}, fixed ${:.2f}, {} "
      "${:.2f}\n",
      p.provider, 100 * p.gross_margin, 100 * p.contribution_margin, 100 * p.markup, p.month_basis,
      std::isnan(p.load_factor) ? std::string() : shown("; load factor {:.1f} %", 100 * p.load_factor),
      p.revenue_usd_month, p.cogs_usd_month, p.fixed_usd_month, p.net_burn_usd_month > 0 ? "net burn" : "profit",
      std::fabs(p.net_burn_usd_month));
  return out + verdicts(p) + runway(p);
}

}  // namespace tokenfab::cli
