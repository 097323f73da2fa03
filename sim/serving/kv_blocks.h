#pragma once
#include <cstdint>
#include <vector>

namespace tokenfab {

/// Paged KV-cache accounting for one replica. Decoding sequences are counted per residue of their length modulo the
/// page size, so the blocks that the next k steps take are a closed form, whatever the batch size.
class KvBlocks {
 public:
  KvBlocks(std::int64_t total, std::int32_t block_tokens, std::int64_t watermark);

  std::int64_t blocks_for(std::int64_t tokens) const { return (tokens + page_ - 1) / page_; }
  std::int64_t total() const { return total_; }
  std::int64_t free() const { return free_; }
  std::int64_t peak_used() const { return total_ - least_free_; }
  std::int64_t watermark() const { return watermark_; }
  std::int32_t block_tokens() const { return page_; }

  /// Whether an admission that takes `blocks` leaves the watermark free.
  bool can_admit(std::int64_t blocks) const { return free_ - blocks >= watermark_; }
  void take(std::int64_t blocks) {
    free_ -= blocks;
    if (free_ < least_free_) least_free_ = free_;
  }
  void give(std::int64_t blocks) { free_ += blocks; }

  /// A sequence with `tokens` in its cache starts, or stops, growing by one token a step at decode step `step`.
  void start_growing(std::int64_t tokens, std::int64_t step) { ++residues_[residue(tokens, step)]; }
  void stop_growing(std::int64_t tokens, std::int64_t step) { --residues_[residue(tokens, step)]; }

  /// Blocks that growing sequences take in the `steps` steps from `step` on.
  std::int64_t growth(std::int64_t step, std::int64_t steps, std::int64_t growing) const {
    const std::int64_t cycles = steps / page_;
    std::int64_t blocks = cycles * growing;
    for (std::int64_t i = cycles * page_; i < steps; ++i) blocks += due(step + i);
    return blocks;
  }
  /// Whether a sequence with `tokens` in its cache takes a block in its next step.
  bool is_due(std::int64_t tokens) const { return tokens % page_ == 0; }

  /// The most steps from `step` on, at most `limit`, whose growth fits in the free blocks.
  std::int64_t steps_that_fit(std::int64_t step, std::int64_t limit, std::int64_t growing) const;

 private:
  std::size_t residue(std::int64_t tokens, std::int64_t step) const {
    const std::int64_t r = (tokens - step) % page_;
    return static_cast<std::size_t>(r < 0 ? r + page_ : r);
  }
  std::int64_t due(std::int64_t step) const { return residues_[residue(0, step)]; }

  std::int64_t total_, free_, least_free_, watermark_;
  std::int32_t page_;
  std::vector<std::int64_t> residues_;  // growing sequences by (length - step) mod page
};

}  // namespace tokenfab
