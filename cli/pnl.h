#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/core/records.h"

namespace tokenfab::cli {

/// "pnl" of a run's JSON; what does not exist is null, a runway that never ends too, with "runway_ends": false.
nlohmann::json pnl_json(const PnlSummary& pnl);
/// The statement in a few lines.
std::string pnl_text(const PnlSummary& pnl);

}  // namespace tokenfab::cli
