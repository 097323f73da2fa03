#pragma once
#include "cli/commands.h"

namespace tokenfab::cli {

/// `run` of a scenario with "market": plays it, writes the results file where asked, prints text or JSON.
void run_market_scenario(const RunArgs& args);

}  // namespace tokenfab::cli
