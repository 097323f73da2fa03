#pragma once
#include <vector>

#include "sim/economics/economics.h"

// A month of 730 hours made of a run's load, over and over. What is charged or paid once (a boot, a block, a pool of
// tokens, a fee for the month) is so once in the month, not once in each repetition.
namespace tokenfab {

/// The run's usage over `hours` of the same load: work, tokens, requests and time of its chips in proportion; what it
/// cost is left out. Needs a run with a length.
RunRecord extended_usage(const RunRecord& run, double hours);

/// What price plans read of the same, quarter by quarter of the clock.
Metered extended_metered(const Metered& run, double hours);

/// Sums over the quarters of an hour, for plans that do not look at the clock.
Metered without_clock(const Metered& used);

/// A factory's month at the run's load.
struct MonthAtLoad {
  double revenue_usd = 0;  // the plan's charges; 0 without a plan
  double compute_usd = 0;
  std::vector<LedgerEntry> ledger;  // of compute
};
/// Errors: UserError where the run has no length.
MonthAtLoad month_at_load(const RunRecord& run, const std::vector<Supply>& supplies,
                          const std::optional<PricePlan>& plan);

}  // namespace tokenfab
