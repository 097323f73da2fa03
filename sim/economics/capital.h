#pragma once
#include <string>
#include <vector>

// Investments in closed form. Rates are per period (here: a year), flows are at whole periods, flows[0] is now.
namespace tokenfab {

/// sum of flows[t] / (1 + rate)^t; rate > -1.
double net_present_value(double rate, const std::vector<double>& flows);

/// The rate > -1 at which the net present value is zero. UserError unless the flows change sign exactly once: without
/// a change there is none, with several there may be many.
double internal_rate_of_return(const std::vector<double>& flows);

/// Periods until the discounted sum of the flows is zero, linear within a period; rate 0: simple payback. Infinity
/// where it never is; to 1e-12 of what was laid out.
double payback_periods(const std::vector<double>& flows, double rate = 0);

/// E/V k_e + D/V k_d (1 - tax), with `equity_share` = E/V and D/V the rest.
double weighted_cost_of_capital(double equity_share, double cost_of_equity, double cost_of_debt, double tax_rate);

enum class Depreciation { straight_line, double_declining, macrs_5 };
inline const std::vector<std::string> kDepreciationNames = {"straight-line", "double-declining", "macrs-5"};

/// Share of the cost written off in each year; sums to 1 - residual_share. double_declining takes 2/years of the book
/// value, switches to a straight line over the remaining years once that is more, and stops at the residual. macrs_5:
/// six calendar years under the half-year convention (IRS Pub. 946, table A-1; recalled), whatever `years`; it knows
/// no residual. years >= 1; UserError where a residual is given to macrs_5.
std::vector<double> depreciation_schedule(Depreciation method, int years, double residual_share);

/// How an owner's capital is paid back.
struct CapitalTerms {
  double interest = 0;        // per year; after tax where tax is charged (weighted_cost_of_capital)
  double life_years = 0;      // economic life; whole where tax is charged
  double residual_share = 0;  // of the cost, sold at the end of life
  double tax_rate = 0;
  std::vector<double> depreciation;  // shares a year, from depreciation_schedule; unused at tax 0
};

/// Yearly pre-tax revenue per USD of cost with which the after-tax net present value is zero. At tax 0: CRF - residual
/// share x SFF, whatever the depreciation. With tax T: (1 - T PV(depreciation) - PV(after-tax sale)) CRF / (1 - T);
/// what is not written off when the chips are sold is written off then, and the sale's gain over book value is taxed.
/// UserError where tax is charged and the life is not whole.
double capital_charge(const CapitalTerms& terms);

/// Flows after tax of an investment of `cost` that earns `yearly` before tax in each year of its life.
std::vector<double> after_tax_flows(double cost, double yearly, const CapitalTerms& terms);

}  // namespace tokenfab
