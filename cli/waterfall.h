#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sim/core/waterfall.h"

namespace tokenfab::cli {

/// Empty where there are no steps.
std::string waterfall_text(const std::vector<WaterfallStep>& steps);
nlohmann::json waterfall_json(const std::vector<WaterfallStep>& steps);

}  // namespace tokenfab::cli
