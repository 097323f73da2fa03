#include "sim/serving/kv_blocks.h"

#include <algorithm>

#include "base/error.h"

namespace tokenfab {

KvBlocks::KvBlocks(std::int64_t total, std::int32_t block_tokens, std::int64_t watermark)
    : total_(total),
      free_(total),
      least_free_(total),
      watermark_(watermark),
      page_(block_tokens),
      residues_(static_cast<std::size_t>(block_tokens)) {
  require(total >= 0 && block_tokens >= 1 && watermark >= 0, "KV blocks need a size");
}

std::int64_t KvBlocks::steps_that_fit(std::int64_t step, std::int64_t limit, std::int64_t growing) const {
  if ((limit / page_ + 1) * growing <= free_) return limit;  // every residue at most once a cycle
  const std::int64_t cycles = growing > 0 ? free_ / growing : limit / page_;
  std::int64_t steps = std::min(cycles * page_, limit);
  std::int64_t left = free_ - growth(step, steps, growing);
  while (steps < limit && due(step + steps) <= left) left -= due(step + steps++);
  return steps;
}

}  // namespace tokenfab
