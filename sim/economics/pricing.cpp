#include "sim/economics/pricing.h"

#include <cmath>
#include <limits>

#include "sim/economics/breakeven.h"
#include "sim/economics/formulas.h"

namespace tokenfab {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// A served request's share of the bill: by the plan's own prices where it has prices of tokens; else in proportion to
/// tokens, which fees are spread over.
std::function<double(const RequestRow&)> request_price(const RunRecord& r, const PricePlan& plan) {
  const auto* tariff = std::get_if<TokenTariff>(&plan.terms);
  const auto tokens = static_cast<double>(r.input_served + r.output_served);
  const double usd_per_token = tokens > 0 ? r.cost.revenue_usd / tokens : kNone;
  if (!tariff || r.cost.revenue_usd <= 0)
    return [usd_per_token](const RequestRow& row) {
      return usd_per_token * (static_cast<double>(row.input_tokens) + row.output_tokens);
    };
  const Metered used = metered(r);
  const TokenTariff t = for_usage(*tariff, used);
  long double list = 0;
  for (const MeteredTokens& c : used.cells) list += list_usd(t, c);
  // Volume discounts and SLA credits are everybody's alike.
  const double left = list > 0 ? static_cast<double>(r.cost.revenue_usd / list) : 0;
  return [t, left](const RequestRow& row) { return static_cast<double>(list_usd(t, metered(row))) * left; };
}

void set_row_prices(RunRecord& r, const std::optional<PricePlan>& plan) {
  const auto price = plan ? request_price(r, *plan) : [](const RequestRow&) { return kNone; };
  r.price_row = [cost = r.cost, price](const RequestRow& row) {
    if (row.state != RequestState::served) return RowMoney{};
    return RowMoney{request_cost(cost, row), price(row)};
  };
}

/// The factor on prices, and where the capacity is known the load, that a month breaks even at.
void set_break_even(RunRecord& r, const Pricing& pricing) {
  if (!pricing.plan || r.makespan_s <= 0) return;
  const FactoryMonth month(r, r, pricing.supplies, pricing.plan, pricing.provider);
  r.cost.break_even_price_factor = break_even_factor(r, month);
  if (!r.capacity.known() || r.served == 0) return;
  const double each = static_cast<double>(r.input_served + r.output_served) / static_cast<double>(r.served);
  r.cost.break_even_utilisation =
      break_even_load(month, growth_units(r), r.capacity.low_rps * each * kHoursPerMonth * 3600);
}

}  // namespace

std::optional<Bill> price_all(RunRecord& r, const Pricing& pricing) {
  std::optional<Bill> bill = price_run(r, pricing.supplies, pricing.plan);
  r.pnl.reset();
  if (pricing.provider) r.pnl = profit_and_loss(r, *pricing.provider, month_at_load(r, pricing.supplies, pricing.plan));
  set_break_even(r, pricing);
  price_tasks(r, pricing.quality);
  set_row_prices(r, pricing.plan);
  return bill;
}

}  // namespace tokenfab
