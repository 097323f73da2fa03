#pragma once
#include "scenarios/runner.h"
#include "sim/economics/breakeven.h"

namespace tokenfab {

/// Whether a factory keeps up with steady arrivals of its workload's mix, within the SLO.
enum class Kept { no, unknown, yes };
struct Trial {
  Kept kept = Kept::unknown;
  RunRecord record;       // without rows
  double attained = 0;    // share of the offered requests within the SLO after the warm-up; 1 without an SLO
  double half_width = 0;  // of its 95 % interval, by batch means
};

/// Runs the factory on `requests` of its workload's steady mix (WorkloadPlan::steady), arrivals sped up by `scale`.
/// yes: the number of requests in the system had settled (sim/core/steady.h), and after the warm-up the SLO's share of
/// requests is within its bounds even at the lower end of the interval (kBatches batch means). no: it grew, or the SLO
/// is missed even at the upper end.
Trial try_steady(const Scenario& scenario, const Alternative& alternative, double scale, std::int64_t requests);
inline constexpr int kBatches = 20;

/// The highest steady rate that one unit of a factory (sim/economics/breakeven.h) keeps up with.
struct FoundCapacity {
  UnitCapacity unit;
  RunRecord at;           // a run at that rate, on one unit
  double rate_scale = 0;  // of the scenario's arrivals
  double scale_high = 0;  // the lowest that was shown not to be kept
  int runs = 0;           // simulated
  double attained = 0;    // share of the requests that met the SLO there
};

/// Requests of one trial. Growth of the backlog by a hundredth of the arrivals is as large as its noise then.
inline constexpr std::int64_t kCapacityRequests = 32'768;
/// What a rate is kept with: kMargin times it was tried. Makes up for growth that a trial's noise can hide.
inline constexpr double kMargin = 1.02;

/// Searches, to one per cent, the factor by which steady arrivals of the scenario's mix can be sped up: kMargin times
/// the rate is kept (try_steady) on replication 0. The answer does not depend on how many requests the scenario has.
/// One replica where there is one pool, else the factory as it is. Errors: Infeasible where no rate is kept, UserError
/// where the workload has no rate.
FoundCapacity find_capacity(const Scenario& scenario, const Alternative& alternative,
                            std::int64_t requests = kCapacityRequests);

/// The factory that find_capacity loads: one replica where there is one pool, else as it is.
Alternative capacity_unit(const Alternative& alternative);
/// The first `requests` requests of the workload's steady mix, their arrivals sped up by `scale`.
WorkloadPlan sped_up(const WorkloadPlan& workload, double scale, std::int64_t requests = kCapacityRequests);

}  // namespace tokenfab
