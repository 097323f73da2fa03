#pragma once
#include <vector>

#include "sim/core/records.h"
#include "sim/fleet/factory.h"
#include "sim/fleet/replica.h"

namespace tokenfab {

/// What a pool's replicas used over `makespan_s`. Checks that the time accounted by operator is the time that the
/// replicas were busy (exact in ticks, 1e-9 by class).
PoolUsage pool_usage(const PoolSpec& pool, const std::vector<const Replica*>& replicas, double makespan_s);

}  // namespace tokenfab
