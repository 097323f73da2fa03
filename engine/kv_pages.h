#pragma once
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "sim/serving/batcher.h"

namespace tokenfab::engine {

/// Real pages for the batcher's block counts: page tables by slot, prefix pages by the batcher's ids, a free list. It
/// decides nothing; it follows KvEvents, and check() compares its counts with the batcher's.
class KvPages {
 public:
  KvPages(std::int64_t pages, std::int32_t page_tokens);

  struct Copy {
    std::int32_t from, to;  // whole pages
    Slot slot;              // `to` is the last page of its table
  };
  /// Carries the events out, in order. Returns the page copies to make before the step.
  std::vector<Copy> apply(const std::vector<KvEvent>& events);

  /// The slot's table, grown to hold `tokens`. InternalError where the batcher promised pages that are not there.
  const std::vector<std::int32_t>& table(Slot slot, std::int64_t tokens);
  /// Gives back what a table holds beyond `tokens` (rejected drafts).
  void trim(Slot slot, std::int64_t tokens);

  std::int64_t free() const { return static_cast<std::int64_t>(free_.size()); }

 private:
  std::vector<std::int32_t>& of(Slot slot);
  std::int32_t take();
  void give(std::int32_t page) { free_.push_back(page); }

  std::int32_t page_tokens_;
  std::vector<std::int32_t> free_;
  std::deque<std::vector<std::int32_t>> tables_;          // by slot; references stay valid
  std::unordered_map<std::int64_t, std::int32_t> known_;  // the batcher's prefix page id -> page
  std::vector<bool> is_known_;                            // by page
};

}  // namespace tokenfab::engine
