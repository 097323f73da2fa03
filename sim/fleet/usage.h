#pragma once
#include <optional>
#include <vector>

#include "sim/core/records.h"
#include "sim/fleet/factory.h"
#include "sim/fleet/replica.h"
#include "sim/fleet/replica_life.h"

namespace tokenfab {

/// What a pool's replicas used over `makespan_s`. Checks that the time accounted by operator is the time that the
/// replicas were busy (exact in ticks, 1e-9 by class). `paid`: where replicas come and go; else all are paid
/// throughout.
PoolUsage pool_usage(const PoolSpec& pool, const std::vector<const Replica*>& replicas, double makespan_s,
                     const std::optional<PaidTime>& paid = {});

}  // namespace tokenfab
