#pragma once
#include <vector>

#include "scenarios/market.h"

namespace tokenfab {

/// One replica of a factory at several loads, the same requests at each.
struct FactoryRuns {
  std::string factory;
  std::vector<RunRecord> records;  // by ascending load, without rows
};

/// Finds the highest rate of arrivals at which the SLO's attainment is met and the backlog does not grow (bisection, to
/// kRateStep), and simulates the replica at kLoads of it. The workload's rate is scaled; its requests stay the same.
/// Errors: Infeasible where the SLO is missed at any rate.
FactoryRuns simulate_factory(const MarketFactory& factory, std::uint64_t seed, const std::string& trace,
                             const RunOptions& options);
inline constexpr double kRateStep = 1.02;
inline constexpr double kLoads[] = {0.1, 0.25, 0.5, 0.7, 0.85, 0.95, 1.0};

/// What tells one factory from another but its prices: equal keys have equal runs.
std::string curve_key(const MarketFactory& factory);

/// The runs as a curve, idle first, at these prices (one supply per pool).
CurveRecord priced_curve(const FactoryRuns& runs, const std::vector<Supply>& supplies);

}  // namespace tokenfab
