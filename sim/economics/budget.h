#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/economics/plans/plan.h"

// A month's budget over a metered series.
namespace tokenfab {

/// A range for a sum that is not known yet.
struct Forecast {
  double low = 0, middle = 0, high = 0;
};

/// A month's spending from its first hours.
struct MonthForecast : Forecast {
  std::string why_no_band;  // empty: low to high holds the month's sum nine times of ten
};

/// The month's sum from `seen`, sums of its first whole quarters of an hour: middle, the same on, from a week on at
/// each time of the day. The band is Student's prediction interval over whole days: the spread between days, with the
/// error of their mean. It applies to days that differ at random: there is none (low and high NaN, and why) with fewer
/// than kFewestDays, or where a line through them rises or falls beyond chance (two-sided 10 %).
MonthForecast forecast_month(std::span<const double> seen);
inline constexpr std::size_t kFewestDays = 7;

/// When a share of the budget was used up.
struct BudgetAlert {
  double share = 0;
  std::optional<double> hours;  // after the run's start, at the end of a quarter of an hour; none: not in the run
};

struct BudgetReport {
  double budget_usd = 0, spent_usd = 0;
  std::vector<BudgetAlert> alerts;
  MonthForecast month;              // of a month that goes on as the run did
  std::optional<double> cap_hours;  // when the run, or its mean rate, reaches the budget; none: not in the month
};

/// `usd` a month against what the plan's bill of each quarter of an hour adds up to. Plans that are not charged by what
/// is used have no such series: UserError. A month is 730 hours; a longer run is judged by its first 730.
BudgetReport judge_budget(double usd, std::span<const double> alert_shares, const PricePlan& plan,
                          const RunRecord& record);

/// USD of each quarter of an hour of the run, empty ones included.
std::vector<double> spend_series(const TokenTariff& tariff, const Metered& used);

}  // namespace tokenfab
