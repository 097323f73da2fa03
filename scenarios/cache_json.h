#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json_object.h"
#include "hwmodels/step_model.h"
#include "sim/core/records.h"
#include "sim/fleet/factory.h"

namespace tokenfab {

/// A pool's "prefix_cache" as written, before its model is placed.
struct PrefixCachePlan {
  struct Tier {
    std::string name;
    double capacity_bytes = 0, bandwidth = 0, latency_s = 0;  // of one replica; bandwidth in bytes/s
  };
  PrefixSpec prefix;
  std::vector<Tier> tiers;
  double life_s = 0;  // 0: for ever
};

/// Reads "prefix_cache" of a pool whose KV pages hold `page_tokens`: true, or an object with "block_tokens", "tiers",
/// "life_s" and "shared_prompt"; none where false or absent. Errors: UserError at the pointer.
std::optional<PrefixCachePlan> read_prefix_cache(const JsonObject& pool, std::int64_t page_tokens,
                                                 const std::string& policy, std::vector<Assumption>& assumptions);

/// Bytes of one token's KV cache, a drafter's included, each byte once however many chips keep a copy.
double kv_bytes_per_token(const StepModel& model);

/// Switches the prefix cache of a fitted pool on; after fit_transfers, whose blocks are the model's.
void fit_prefix_cache(const PrefixCachePlan& plan, const StepModel& model, PoolSpec& pool);

}  // namespace tokenfab
