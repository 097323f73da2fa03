#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "scenarios/scenario.h"

namespace tokenfab::cli {

/// Whether prompts and outputs are served by pools of their own.
bool is_disaggregated(const Alternative& alternative);

/// What each replica can do at the workload's mean lengths, and how many decode replicas one prefill replica feeds.
nlohmann::json balance_json(const Alternative& alternative, std::uint64_t seed);
std::string balance_text(const nlohmann::json& balance);

}  // namespace tokenfab::cli
