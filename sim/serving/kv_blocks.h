#pragma once
#include <cstdint>
#include <vector>

namespace tokenfab {

/// Layers that attend to the last `tokens` tokens only. A cache of such a model is handed out in pages of one group of
/// layers each: every page of tokens takes `full_pages` of them, the last `tokens` tokens `window_pages` more.
struct KvWindow {
  std::int32_t tokens = 0;  // 0: the model has none
  std::int32_t full_pages = 1, window_pages = 0;
};

/// Paged KV-cache accounting for one replica. Decoding sequences advance together, by the same number of quanta
/// (1/`quanta` tokens) a step; they are counted per residue of their length modulo the page size, so the blocks that
/// the next steps take are a closed form, whatever the batch size. Lengths and `progress` below are in quanta.
class KvBlocks {
 public:
  KvBlocks(std::int64_t total, std::int32_t block_tokens, std::int64_t watermark, std::int32_t quanta = 1,
           KvWindow window = {});

  /// Blocks that hold so many tokens (or quanta) of one sequence.
  std::int64_t blocks_for(std::int64_t tokens) const { return blocks_at(tokens * quanta_); }
  std::int64_t blocks_at(std::int64_t length) const {
    const std::int64_t pages = pages_at(length);
    if (window_.tokens == 0) return pages;
    return pages * window_.full_pages + (length < window_length() ? pages : window_pages()) * window_.window_pages;
  }
  std::int64_t total() const { return total_; }
  std::int64_t free() const { return free_; }
  std::int64_t peak_used() const { return total_ - least_free_; }
  std::int64_t watermark() const { return watermark_; }
  std::int32_t block_tokens() const { return page_ / quanta_; }
  bool has_window() const { return window_.tokens > 0; }
  std::int64_t window_length() const { return std::int64_t{window_.tokens} * quanta_; }

  /// Whether an admission that takes `blocks` leaves the watermark free.
  bool can_admit(std::int64_t blocks) const { return free_ - blocks >= watermark_; }
  void take(std::int64_t blocks) {
    free_ -= blocks;
    if (free_ < least_free_) least_free_ = free_;
  }
  void give(std::int64_t blocks) { free_ += blocks; }

  /// A sequence of `length` starts, or stops, growing at `progress`. While it is `filling` its window, it takes pages
  /// for that too.
  void start_growing(std::int64_t length, std::int64_t progress, bool filling) { count(length, progress, filling, 1); }
  void stop_growing(std::int64_t length, std::int64_t progress, bool filling) { count(length, progress, filling, -1); }
  /// A growing sequence's window has been full for `length` - window: what it took beyond goes back.
  void stop_filling(std::int64_t length, std::int64_t progress);

  /// Sequences that grow, and those of them that fill their window.
  struct Growing {
    std::int64_t all = 0, filling = 0;
  };
  /// Blocks that growing sequences take in the next `quanta` from `progress` on.
  std::int64_t growth(std::int64_t progress, std::int64_t quanta, Growing growing) const {
    const std::int64_t pages = crossings(residues_, progress, quanta, growing.all);
    if (window_.tokens == 0) return pages;
    return pages * window_.full_pages + crossings(filling_, progress, quanta, growing.filling) * window_.window_pages;
  }

  /// The most steps of `pace` quanta from `progress` on, at most `limit`, whose growth fits in the free blocks.
  std::int64_t steps_that_fit(std::int64_t progress, std::int64_t pace, std::int64_t limit, Growing growing) const;

 private:
  using Residues = std::vector<std::int64_t>;  // sequences by (length - progress) mod page

  std::int64_t pages_at(std::int64_t length) const { return (length + page_ - 1) / page_; }
  std::int64_t window_pages() const { return pages_at(window_length()); }
  std::size_t residue(std::int64_t length, std::int64_t progress) const {
    const std::int64_t r = (length - progress) % page_;
    return static_cast<std::size_t>(r < 0 ? r + page_ : r);
  }
  void count(std::int64_t length, std::int64_t progress, bool filling, std::int64_t change) {
    residues_[residue(length, progress)] += change;
    if (filling) filling_[residue(length, progress)] += change;
  }
  /// Blocks that the quantum from `progress` on takes.
  std::int64_t due(std::int64_t progress) const {
    const std::size_t r = residue(0, progress);
    if (window_.tokens == 0) return residues_[r];
    return residues_[r] * window_.full_pages + filling_[r] * window_.window_pages;
  }
  std::int64_t crossings(const Residues& residues, std::int64_t progress, std::int64_t quanta,
                         std::int64_t growing) const {
    const std::int64_t cycles = quanta < page_ ? 0 : quanta / page_;
    std::int64_t blocks = cycles * growing;
    for (std::int64_t i = cycles * page_; i < quanta; ++i) blocks += residues[residue(0, progress + i)];
    return blocks;
  }

  std::int64_t total_, free_, least_free_, watermark_;
  std::int32_t quanta_, page_;  // page_: in quanta
  KvWindow window_;
  Residues residues_, filling_;
};

}  // namespace tokenfab
