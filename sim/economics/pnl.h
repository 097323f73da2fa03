#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/json_object.h"
#include "sim/core/records.h"
#include "sim/economics/month.h"

// A provider's profit and loss: pure functions over a priced record. Definitions: docs/definitions.md.
namespace tokenfab {

struct Provider {
  using Monthly = std::vector<std::pair<std::string, double>>;  // name, USD a month
  std::string name;
  Monthly fixed;                  // staff, amortised research, marketing: below the gross margin
  Monthly other_cogs;             // cost of revenue that the factory's ledger does not hold
  double cash_usd = -1;           // -1: not given
  double monetised_share = 1;     // of the plan's charges that anybody pays
  double marketplace_share = 0;   // of what users pay, kept by the shop that sells it
  double platform_fee_share = 0;  // on top of the compute bill, to whoever runs it in the customer's cloud
  double growth_per_month = 0;    // of volume; prices and unit costs stay
  std::vector<std::string> variable = {"energy", "compute.rent"};  // accounts that fall away with the volume
};

/// Reads "provider". Errors: UserError with file and pointer.
Provider read_provider(const JsonObject& provider);

/// The statement of a priced run with revenue, at the run's load around the clock: margins, factors and runway are of
/// the month (month.h), in which what is charged or paid once is so once. Amounts without _month are the run's own. The
/// runway's volume grows day by day (demand.h).
/// Errors: UserError where the run is without length.
PnlSummary profit_and_loss(const RunRecord& record, const Provider& provider, const MonthAtLoad& month);

/// Unit cost with fixed costs spread over a volume: variable + fixed / volume. Any units; volume > 0.
double amortised_unit_cost(double variable, double fixed, double volume);
/// The volume at which that is `target`; infinity where variable cost alone reaches it.
double volume_for_unit_cost(double variable, double fixed, double target);

}  // namespace tokenfab
