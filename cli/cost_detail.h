#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/core/records.h"

namespace tokenfab::cli {

/// Adds to a run's JSON object: cost.unit_costs, cost.usd_unused, cost.common_unit, cost.task (where a quality is
/// declared), and per token and request what energy and carbon come to.
void add_cost_detail(const RunRecord& record, nlohmann::json& out);

/// The same for people, in a few lines.
std::string cost_detail_note(const RunRecord& record);

}  // namespace tokenfab::cli
