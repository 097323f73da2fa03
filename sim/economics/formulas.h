#pragma once
#include <vector>

// Closed forms of cost, price and carbon. Each is defined in docs/definitions.md. NaN where a ratio has no denominator.
namespace tokenfab {

inline constexpr double kHoursPerYear = 8760, kHoursPerMonth = kHoursPerYear / 12, kJoulesPerKwh = 3.6e6;

/// Yearly payment that pays back 1 with interest: r(1+r)^n / ((1+r)^n - 1); 1/n at r = 0. years > 0, rate >= 0.
double capital_recovery_factor(double rate, double years);
/// Yearly payment that saves up 1 with interest: r / ((1+r)^n - 1); 1/n at r = 0.
double sinking_fund_factor(double rate, double years);
/// Capital per productive hour without cost of capital: (price - resale) / (years * hours a year).
double straight_line_usd_per_hour(double price_usd, double resale_usd, double years, double hours_per_year);

/// On price: 1 - cost / revenue.
double gross_margin(double revenue_usd, double cost_usd);
/// On cost: revenue / cost - 1.
double markup_on_cost(double revenue_usd, double cost_usd);

/// Emissions of electricity in g: energy at the IT load, times PUE, times the grid's gCO2e/kWh.
double operational_carbon_g(double it_energy_j, double pue, double gco2e_per_kwh);
/// Share in g of hardware that cost `kgco2e` to make and lives `life_years`, held for `seconds` (summed over units).
double embodied_carbon_g(double kgco2e, double seconds, double life_years);

/// A volume at which revenue crosses cost when capacity comes in whole replicas.
struct BreakEvenVolume {
  double tokens = 0;
  bool profit_above = false;  // true: profit begins here; false: the next replica's cost ends it
};

/// All crossings of revenue (a line, `usd_per_mtok`) and cost (a staircase: one `usd_per_replica` for each started
/// `tokens_per_replica`), in increasing volume, up to `max_replicas`. The three are for the same period.
std::vector<BreakEvenVolume> break_even_volumes(double usd_per_replica, double tokens_per_replica, double usd_per_mtok,
                                                int max_replicas);

}  // namespace tokenfab
