#pragma once
#include <string>
#include <vector>

#include "sim/core/records.h"

namespace tokenfab {

/// Whether two runs are replications of each other: of one study, alternative and point, and of the same scenario.
/// Others are never averaged, whatever they are called.
bool same_inputs(const RunRecord& a, const RunRecord& b);

/// The names with "#2", "#3" after those that are there before.
std::vector<std::string> distinct_names(std::vector<std::string> names);

}  // namespace tokenfab
