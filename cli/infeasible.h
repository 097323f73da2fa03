#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "reports/infeasible.h"

namespace tokenfab::cli {

/// What cannot work, one line each with its reason; empty where everything can.
std::string infeasible_text(const std::vector<InfeasibleAlternative>& refused);
/// [{"name", "reason"}]
nlohmann::json infeasible_json(const std::vector<InfeasibleAlternative>& refused);

}  // namespace tokenfab::cli
