#pragma once
#include <optional>
#include <vector>

#include "base/json_object.h"
#include "sim/core/records.h"
#include "sim/economics/economics.h"
#include "sim/workload/spend_limit.h"

namespace tokenfab {

/// Reads "spending" of a scenario; none where absent:
///   {"usd_per_interaction": 0.05, "max_output_tokens": 4096, "over": "truncate",
///    "prices": {"input": 3, "output": 15},   in USD per million tokens; absent: the plan's highest
///    "budget_usd": 100}                      of the whole run; not with sessions
/// Errors: UserError with file and pointer.
std::optional<SpendLimit> read_spending(const JsonObject& scenario, const std::optional<PricePlan>& plan,
                                        std::vector<Assumption>& assumptions);

}  // namespace tokenfab
