#pragma once
#include <vector>

#include "scenarios/market.h"

namespace tokenfab {

/// One unit of a factory (scenarios/capacity.h) at several loads, the same requests at each.
struct FactoryRuns {
  std::string factory;
  std::vector<RunRecord> records;  // by ascending load, without rows
};

/// Finds the highest rate of arrivals within the SLO (find_capacity), and simulates the unit at kLoads of it as well.
/// Errors: Infeasible where the SLO is missed at any rate, UserError where the workload has too few requests.
FactoryRuns simulate_factory(const MarketFactory& factory, std::uint64_t seed, const RunOptions& options);
inline constexpr double kLoads[] = {0.1, 0.25, 0.5, 0.7, 0.85, 0.95};
inline constexpr std::int64_t kFewestRequests = 100;  // that a workload must have

/// What tells one factory from another but its prices: equal keys have equal runs.
std::string curve_key(const MarketFactory& factory);

/// The runs as a curve, idle first, at these prices (one supply per pool).
CurveRecord priced_curve(const FactoryRuns& runs, const std::vector<Supply>& supplies);

}  // namespace tokenfab
