#pragma once
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace tokenfab::engine {

/// One step's work on the host: a ragged batch of token runs, each continuing a sequence's cache.
class StepBatch {
 public:
  explicit StepBatch(std::int32_t page_tokens) : page_tokens_(page_tokens) {}

  enum class Outputs { none, last, all };  // tokens whose logits are wanted
  /// Tokens at positions first .. first + n - 1, cached in `table` (a sequence's page table, long enough).
  void add(const std::vector<std::int32_t>& run, std::int64_t first, const std::vector<std::int32_t>& table,
           Outputs outputs);
  /// A tree of drafts after the sequence's last token: node i has parent[i] < i (-1: none, the root), stands at
  /// position first + depth and is cached at slot first + i. Logits of all nodes.
  void add_tree(const std::vector<std::int32_t>& run, const std::vector<std::int32_t>& parent, std::int64_t first,
                const std::vector<std::int32_t>& table);

  std::int64_t rows() const { return static_cast<std::int64_t>(tokens.size()); }
  std::int64_t sequences() const { return static_cast<std::int64_t>(kv_length.size()); }
  bool empty() const { return tokens.empty(); }
  /// Where a position is cached: page * page_tokens + row.
  std::int64_t slot(std::int64_t position, const std::vector<std::int32_t>& table) const {
    return static_cast<std::int64_t>(table[static_cast<std::size_t>(position / page_tokens_)]) * page_tokens_ +
           position % page_tokens_;
  }
  std::int32_t page_tokens() const { return page_tokens_; }

  std::vector<std::int32_t> tokens, positions, query_start{0}, kv_length, output_rows;
  std::vector<std::int64_t> slots;
  std::vector<std::vector<std::int32_t>> pages;
  std::vector<std::uint64_t> tree_mask;  // empty, or one per row
  std::int32_t max_query = 0, max_kv = 0;

 private:
  void add_rows(const std::vector<std::int32_t>& run, std::int64_t first, const std::vector<std::int32_t>& table,
                Outputs outputs);
  std::int32_t page_tokens_;
};

/// A step's inputs in the backend's memory: one upload from one staging buffer.
class StepInputs {
 public:
  StepInputs(kernels::Backend& backend, std::int64_t max_rows, std::int64_t max_sequences, std::int64_t max_pages);
  ~StepInputs();
  StepInputs(const StepInputs&) = delete;
  StepInputs& operator=(const StepInputs&) = delete;

  void upload(const StepBatch& batch);

  const std::int32_t *tokens, *positions, *query_start, *kv_length, *page_table, *output_rows;
  const std::int64_t* slots;
  const std::uint64_t* tree_mask;
  std::int64_t max_pages;

 private:
  kernels::Backend& backend_;
  std::vector<char> staging_;
  char* device_ = nullptr;
  std::int64_t max_rows_, max_sequences_;
};

}  // namespace tokenfab::engine
