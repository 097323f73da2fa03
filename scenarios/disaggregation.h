#pragma once
#include <optional>
#include <vector>

#include "base/json_object.h"
#include "scenarios/pools.h"

namespace tokenfab {

/// Reads a pool's "role" and "transfer" into `plan`, whose batcher is known. Errors: UserError at the pointer.
void read_role(const JsonObject& pool, PoolPlan& plan);

/// Checks that the roles of a factory's pools fit together, and fills the transfers of its decode pools: where
/// "transfer" says nothing, over the chips' links at the rate that the prefill pool's engine gets out of them.
void connect_pools(const std::vector<JsonObject>& objects, std::vector<PoolPlan>& pools,
                   std::vector<Assumption>& assumptions);

/// Bytes of KV cache that a prompt of this deployment sends; the rest of the transfer is left as it is.
KvTransfer cache_size(const Deployment& decode);

}  // namespace tokenfab
