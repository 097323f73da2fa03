#pragma once
#include <vector>

#include "base/json_object.h"
#include "hwmodels/step_model.h"
#include "sim/core/records.h"
#include "sim/fleet/factory.h"

namespace tokenfab {

/// What a pool moves between the host (or a backing memory) and its chips. Bandwidths in bytes/s of one chip.
struct TransferPlan {
  double swap_bandwidth = 0;
  double variant_bytes = 0;  // of one adapter; 0: variants are whole models
  double variant_bandwidth = 0;
};

/// Reads the keys of a pool's "batcher" that decide whom it serves first.
Scheduling read_scheduling(const JsonObject& batcher);

/// Reads a pool's "swap_bandwidth_gbs" and "variants" (their number goes to `scheduling`). Defaults are added to
/// `assumptions`. Errors: UserError at the pointer.
TransferPlan read_transfers(const JsonObject& pool, const Chip& chip, Scheduling& scheduling,
                            std::vector<Assumption>& assumptions);

/// Sets what transfers of the pool take, and the memory that resident adapters take from its KV cache; after
/// fit_batcher. Throws UserError at the pool's "batcher" where its keys do not go together, Infeasible where adapters
/// or models do not fit.
void fit_transfers(const JsonObject& pool, const TransferPlan& plan, const StepModel& model, PoolSpec& spec);

}  // namespace tokenfab
