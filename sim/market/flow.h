#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/core/market_record.h"

namespace tokenfab::market {

/// Demand of regions, capacity of sites, in lots; what a lot of region r costs at site s, or nothing where its latency
/// is not allowed. Costs >= 0.
struct FlowProblem {
  std::vector<std::int64_t> demand, capacity;
  std::vector<std::vector<std::optional<MicroUsd>>> cost;  // [region][site]
};

struct FlowPlan {
  std::vector<std::vector<std::int64_t>> lots;  // [region][site]
  std::int64_t served = 0, unserved = 0;
  MicroUsd cost = 0;
};

enum class FlowMethod { successive_shortest_path, cycle_cancelling };

/// Serves as much as can be served, and that at the least cost: a maximal flow of minimal cost (Boost.Graph).
FlowPlan clear_flow(const FlowProblem& problem, FlowMethod method = FlowMethod::successive_shortest_path);

/// What it costs to buy everything at one site, the cheapest that has the capacity and may serve every region with
/// demand; empty where none can.
std::optional<MicroUsd> best_single_site(const FlowProblem& problem);

}  // namespace tokenfab::market
