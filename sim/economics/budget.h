#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/economics/plans/plan.h"

// A month's budget over a metered series.
namespace tokenfab {

/// A range for a sum that is not known yet.
struct Forecast {
  double low = 0, middle = 0, high = 0;
};

/// The sum of `seen` and of `more` further bins like them, and the range that holds it with probability `level`. A
/// circular block bootstrap: further bins are drawn in blocks of `block` neighbours, and the error of the mean of what
/// was seen is drawn with as many blocks as it has; quantiles of `draws` repetitions. Deterministic.
/// `block`: longer than what ties neighbours together (bursts, a day). seen not empty, 1 <= block <= seen.
Forecast forecast_sum(std::span<const double> seen, std::size_t more, std::size_t block, double level,
                      std::uint64_t seed, int draws = 2000);

/// When a share of the budget was used up.
struct BudgetAlert {
  double share = 0;
  std::optional<double> hours;  // after the run's start, at the end of a quarter of an hour; none: not in the run
};

struct BudgetReport {
  double budget_usd = 0, spent_usd = 0;
  std::vector<BudgetAlert> alerts;
  Forecast month;                   // of a month that goes on as the run did
  std::optional<double> cap_hours;  // when the run, or its mean rate, reaches the budget; none: not in the month
};

/// `usd` a month against what the plan's bill of each quarter of an hour adds up to. Plans that are not charged by what
/// is used have no such series: UserError. A month is 730 hours; a longer run is judged by its first 730.
BudgetReport judge_budget(double usd, std::span<const double> alert_shares, const PricePlan& plan,
                          const RunRecord& record);

/// USD of each quarter of an hour of the run, empty ones included.
std::vector<double> spend_series(const TokenTariff& tariff, const Metered& used);

}  // namespace tokenfab
