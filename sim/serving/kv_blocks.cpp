#include "sim/serving/kv_blocks.h"

#include <algorithm>

#include "base/error.h"

namespace tokenfab {

KvBlocks::KvBlocks(std::int64_t total, std::int32_t block_tokens, std::int64_t watermark, std::int32_t quanta,
                   KvWindow window)
    : total_(total),
      free_(total),
      least_free_(total),
      watermark_(watermark),
      quanta_(quanta),
      page_(block_tokens * quanta),
      window_(window),
      residues_(static_cast<std::size_t>(page_)),
      filling_(window.tokens > 0 ? static_cast<std::size_t>(page_) : 0) {
  require(total >= 0 && block_tokens >= 1 && watermark >= 0 && quanta >= 1, "KV blocks need a size");
  require(window.tokens == 0 ||
              (window.full_pages >= 0 && window.window_pages >= 0 && window.full_pages + window.window_pages > 0),
          "a window takes pages");
}

void KvBlocks::stop_filling(std::int64_t length, std::int64_t progress) {
  --filling_[residue(length, progress)];
  give((pages_at(length) - window_pages()) * window_.window_pages);
}

std::int64_t KvBlocks::steps_that_fit(std::int64_t progress, std::int64_t pace, std::int64_t limit,
                                      Growing growing) const {
  const std::int64_t most = limit * pace;
  const std::int64_t cycle = growing.all * window_.full_pages + growing.filling * window_.window_pages;
  if ((most / page_ + 1) * cycle <= free_) return limit;  // every residue at most once a cycle
  const std::int64_t cycles = cycle > 0 ? free_ / cycle : most / page_;
  std::int64_t quanta = std::min(cycles * page_, most);
  std::int64_t left = free_ - growth(progress, quanta, growing);
  for (; quanta < most; ++quanta) {
    left -= due(progress + quanta);
    if (left < 0) break;
  }
  return quanta / pace;
}

}  // namespace tokenfab
