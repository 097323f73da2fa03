#pragma once
#include <nlohmann/json_fwd.hpp>

#include "sim/core/records.h"

namespace tokenfab::cli {

/// The object that `tokenfab run --json` prints for one run (docs/results.md). Numbers that do not exist are null.
nlohmann::json record_json(const RunRecord& record);
nlohmann::json cost_json(const CostSummary& cost);

/// The scenario that the run came from, whose pools are those of the record. Errors: UserError where they are not: the
/// results file is damaged.
nlohmann::json scenario_of(const RunRecord& record);

}  // namespace tokenfab::cli
