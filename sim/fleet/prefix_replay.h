#pragma once
#include <cstdint>
#include <vector>

#include "sim/workload/request.h"

namespace tokenfab {

/// How much of a workload's prompts a cache of prefix blocks would hold, whatever serves them.
struct PrefixReplay {
  std::int64_t capacity = 0;  // blocks; 0 = no limit
  std::int64_t requests = 0, blocks = 0, hit_blocks = 0, distinct_blocks = 0;
  std::int64_t input_tokens = 0, hit_tokens = 0;
};

/// Each request in order of arrival: leading blocks that are known are hits; then all its blocks become known, the root
/// the most recently used; then the least recently used go until `capacity` are left. Nothing is pinned by running
/// requests, outputs are not kept. One result per capacity. `block_tokens` > 0: tokens per block.
std::vector<PrefixReplay> replay_prefixes(RequestSource& source, const std::vector<std::int64_t>& capacities,
                                          std::int64_t block_tokens);

}  // namespace tokenfab
