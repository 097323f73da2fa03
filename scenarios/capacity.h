#pragma once
#include "scenarios/runner.h"
#include "sim/economics/breakeven.h"

namespace tokenfab {

/// The highest arrival rate that one unit of a factory (sim/economics/breakeven.h) serves.
struct FoundCapacity {
  UnitCapacity unit;
  RunRecord at;           // the run at that rate, on one unit
  double rate_scale = 0;  // of the scenario's arrivals
  int runs = 0;           // simulated
  double attained = 0;    // share of the offered requests that met the SLO there
};

/// Half an hour and more of traffic at full load: what a replica bears for minutes it does not bear for hours.
inline constexpr std::int64_t kCapacityRequests = 20'000;

/// Bisects, to one per cent, the factor by which the scenario's arrivals are sped up, on the same first
/// `requests` requests of replication 0: a rate is served where the run is not saturated and the SLO's
/// `attainment` of the offered requests met it. One replica where there is one pool, else the factory as it is.
/// Errors: Infeasible where no rate is served, UserError for a closed loop, whose arrivals follow from the factory.
FoundCapacity find_capacity(const Scenario& scenario, const Alternative& alternative,
                            std::int64_t requests = kCapacityRequests);

/// The factory that find_capacity loads: one replica where there is one pool, else as it is.
Alternative capacity_unit(const Alternative& alternative);
/// The first `requests` requests, their arrivals sped up by `scale`.
WorkloadPlan sped_up(const WorkloadPlan& workload, double scale, std::int64_t requests = kCapacityRequests);

}  // namespace tokenfab
