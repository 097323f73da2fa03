#pragma once
#include <nlohmann/json_fwd.hpp>

#include "sim/core/records.h"

namespace tokenfab::cli {

/// The object that `tokenfab run --json` prints for one run (docs/results.md). Numbers that do not exist are null.
nlohmann::json record_json(const RunRecord& record);
nlohmann::json cost_json(const CostSummary& cost);

}  // namespace tokenfab::cli
