#pragma once
#include <string>
#include <vector>

#include "sim/core/records.h"

namespace tokenfab::cli {

/// Headline numbers of runs as a text table, one column per alternative (mean over its replications), followed by what
/// to know before trusting them.
std::string summary(const std::vector<RunRecord>& records);

}  // namespace tokenfab::cli
