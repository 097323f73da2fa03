#include "engine/step_batch.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace tokenfab::engine {

void StepBatch::add_rows(const std::vector<std::int32_t>& run, std::int64_t first,
                         const std::vector<std::int32_t>& table, Outputs outputs) {
  const std::int64_t count = static_cast<std::int64_t>(run.size()), end = first + count;
  require(static_cast<std::int64_t>(table.size()) * page_tokens_ >= end, "a page table covers its step");
  for (std::int64_t i = 0; i < count; ++i) {
    if (outputs == Outputs::all || (outputs == Outputs::last && i == count - 1))
      output_rows.push_back(static_cast<std::int32_t>(rows()));
    tokens.push_back(run[static_cast<std::size_t>(i)]);
    slots.push_back(slot(first + i, table));
  }
  query_start.push_back(static_cast<std::int32_t>(rows()));
  kv_length.push_back(static_cast<std::int32_t>(end));
  pages.push_back(table);
  max_query = std::max(max_query, static_cast<std::int32_t>(count));
  max_kv = std::max(max_kv, static_cast<std::int32_t>(end));
}

void StepBatch::add(const std::vector<std::int32_t>& run, std::int64_t first, const std::vector<std::int32_t>& table,
                    Outputs outputs) {
  for (std::size_t i = 0; i < run.size(); ++i)
    positions.push_back(static_cast<std::int32_t>(first) + static_cast<std::int32_t>(i));
  if (!tree_mask.empty()) throw InternalError("tree and chain runs are not mixed in one step");
  add_rows(run, first, table, outputs);
}

void StepBatch::add_tree(const std::vector<std::int32_t>& run, const std::vector<std::int32_t>& parent,
                         std::int64_t first, const std::vector<std::int32_t>& table) {
  require(run.size() == parent.size() && run.size() <= 64, "a draft tree has at most 64 nodes");
  const std::size_t base = tree_mask.size();
  for (std::size_t i = 0; i < run.size(); ++i) {
    const std::int32_t p = parent[i];
    require(p < static_cast<std::int32_t>(i), "a tree's parents come before their children");
    const auto up = static_cast<std::size_t>(p);
    tree_mask.push_back((std::uint64_t{1} << i) | (p < 0 ? 0 : tree_mask[base + up]));
    positions.push_back(p < 0 ? static_cast<std::int32_t>(first) : positions[base + up] + 1);
  }
  add_rows(run, first, table, Outputs::all);
}

namespace {
std::int64_t aligned(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }
}  // namespace

StepInputs::StepInputs(kernels::Backend& backend, std::int64_t rows, std::int64_t sequences, std::int64_t pages)
    : max_pages(pages), backend_(backend), max_rows_(rows), max_sequences_(sequences) {
  std::int64_t size = 0;
  const auto place = [&](std::int64_t bytes) {
    const std::int64_t at = size;
    size += aligned(bytes);
    return at;
  };
  const std::int64_t tokens_at = place(rows * 4), positions_at = place(rows * 4), start_at = place((sequences + 1) * 4),
                     length_at = place(sequences * 4), outputs_at = place(rows * 4), slots_at = place(rows * 8),
                     mask_at = place(rows * 8), table_at = place(sequences * pages * 4);
  staging_.resize(static_cast<std::size_t>(size));
  device_ = static_cast<char*>(backend.allocate(staging_.size()));
  const auto i32 = [&](std::int64_t at) { return reinterpret_cast<const std::int32_t*>(device_ + at); };
  tokens = i32(tokens_at), positions = i32(positions_at), query_start = i32(start_at), kv_length = i32(length_at);
  output_rows = i32(outputs_at), page_table = i32(table_at);
  slots = reinterpret_cast<const std::int64_t*>(device_ + slots_at);
  tree_mask = reinterpret_cast<const std::uint64_t*>(device_ + mask_at);
}

StepInputs::~StepInputs() { backend_.release(device_); }

void StepInputs::upload(const StepBatch& b) {
  require(b.rows() <= max_rows_ && b.sequences() <= max_sequences_, "a step fits the engine's buffers");
  const auto put = [&](const void* where, const auto& values) {
    if (values.empty()) return;
    std::memcpy(staging_.data() + (static_cast<const char*>(where) - device_), values.data(),
                values.size() * sizeof(values[0]));
  };
  put(tokens, b.tokens), put(positions, b.positions), put(query_start, b.query_start), put(kv_length, b.kv_length);
  put(output_rows, b.output_rows), put(slots, b.slots), put(tree_mask, b.tree_mask);
  const auto table = static_cast<std::size_t>(reinterpret_cast<const char*>(page_table) - device_);
  for (std::size_t s = 0; s < b.pages.size(); ++s) {
    require(static_cast<std::int64_t>(b.pages[s].size()) <= max_pages, "a page table fits the engine's buffers");
    std::memcpy(staging_.data() + table + s * static_cast<std::size_t>(max_pages) * 4, b.pages[s].data(),
                b.pages[s].size() * 4);
  }
  const std::size_t used = table + b.pages.size() * static_cast<std::size_t>(max_pages) * 4;
  backend_.upload(device_, staging_.data(), used);
}

}  // namespace tokenfab::engine
