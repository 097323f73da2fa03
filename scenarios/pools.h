#pragma once
#include <vector>

#include "base/json_object.h"
#include "hwmodels/types.h"
#include "sim/economics/economics.h"
#include "sim/economics/money_catalog.h"
#include "sim/fleet/factory.h"

namespace tokenfab {

struct PoolPlan {
  PoolSpec spec;
  Supply supply;
  bool fewest_replicas = false;  // as few as meet the SLO: set before a run (scenarios/sizing.h)
  std::vector<PoolPlan> wider;   // the same on more chips a replica, tried where fewer in all meet the SLO
};

/// Reads one entry of "pools". What is left out takes a default that is added to `assumptions`.
/// Errors: UserError with file and pointer; Infeasible where the model does not fit.
PoolPlan load_pool(const JsonObject& pool, const Catalog& catalog, const MoneyCatalog& money,
                   std::vector<Assumption>& assumptions);

}  // namespace tokenfab
