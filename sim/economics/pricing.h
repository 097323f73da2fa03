#pragma once
#include <optional>
#include <vector>

#include "sim/economics/common_unit.h"
#include "sim/economics/economics.h"
#include "sim/economics/pnl.h"

namespace tokenfab {

/// Everything that sets prices on a run.
struct Pricing {
  std::vector<Supply> supplies;  // one per pool
  std::optional<PricePlan> plan;
  std::optional<Provider> provider;
  std::optional<TaskQuality> quality;
};

/// The one chain of prices: the bill and its unit costs (price_run), the provider's month, the break-even factor and
/// load, tasks, and money per request (record.price_row). Replaces what earlier prices left. Returns the plan's bill.
std::optional<Bill> price_all(RunRecord& record, const Pricing& pricing);

}  // namespace tokenfab
