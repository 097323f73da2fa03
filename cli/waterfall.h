#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sim/core/records.h"

namespace tokenfab::cli {

/// One technique of a scenario's "stack". Gains are ratios of cost per token: what it was before over what it is after.
struct WaterfallStep {
  std::string name;
  double usd_per_mtok = 0;  // with all techniques up to this one
  double gain_alone = 0, gain_in_stack = 0,
         total = 0;  // over the base, or what it needs, alone; over the stack before it; of the stack
};

/// Empty where the records are not those of a stack (scenarios/stack.h). Means over replications.
std::vector<WaterfallStep> waterfall(const std::vector<RunRecord>& records);
std::string waterfall_text(const std::vector<WaterfallStep>& steps);
nlohmann::json waterfall_json(const std::vector<WaterfallStep>& steps);

}  // namespace tokenfab::cli
