#include "sim/economics/formulas.h"

#include <cmath>
#include <limits>

#include "sim/economics/cost_curve.h"

namespace tokenfab {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double capital_recovery_factor(double rate, double years) {
  return rate == 0 ? 1 / years : rate / -std::expm1(-years * std::log1p(rate));
}

double sinking_fund_factor(double rate, double years) {
  return rate == 0 ? 1 / years : rate / std::expm1(years * std::log1p(rate));
}

double straight_line_usd_per_hour(double price_usd, double resale_usd, double years, double hours_per_year) {
  return (price_usd - resale_usd) / (years * hours_per_year);
}

double gross_margin(double revenue_usd, double cost_usd) {
  return revenue_usd > 0 ? 1 - cost_usd / revenue_usd : kNone;
}

double markup_on_cost(double revenue_usd, double cost_usd) { return cost_usd > 0 ? revenue_usd / cost_usd - 1 : kNone; }

double operational_carbon_g(double it_energy_j, double pue, double gco2e_per_kwh) {
  return it_energy_j / kJoulesPerKwh * pue * gco2e_per_kwh;
}

double embodied_carbon_g(double kgco2e, double seconds, double life_years) {
  return kgco2e * 1000 * (seconds / (life_years * kHoursPerYear * 3600));
}

std::vector<BreakEvenVolume> break_even_volumes(double usd_per_replica, double tokens_per_replica, double usd_per_mtok,
                                                int max_replicas) {
  std::vector<BreakEvenVolume> out;
  const CostCurve revenue{"revenue", 0, usd_per_mtok, 0, 1}, cost{"cost", 0, 0, usd_per_replica, tokens_per_replica};
  for (const CurveCrossing& c : curve_crossings(revenue, cost, max_replicas * tokens_per_replica))
    out.push_back({c.tokens, c.above});
  return out;
}

}  // namespace tokenfab
