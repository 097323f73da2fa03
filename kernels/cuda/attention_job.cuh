#pragma once
#include "kernels/cuda/platform.cuh"
#include "kernels/ops.h"

/// What the attention kernels know of a call. The query heads that share a KV head are packed: row r of a sequence of
/// n queries is query r / group and the (r % group)-th of these heads, so there are n * group rows.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

struct AttentionJob {
  const bf16* q = nullptr;
  std::int64_t q_stride = 0;
  const char* keys = nullptr;
  const char* values = nullptr;
  const float* key_scales = nullptr;  // null: no scales
  const float* value_scales = nullptr;
  const std::int32_t* query_start = nullptr;
  const std::int32_t* kv_length = nullptr;
  const std::int32_t* page_table = nullptr;
  const std::uint64_t* tree_mask = nullptr;
  bf16* out = nullptr;
  std::int64_t out_stride = 0;
  int sequences = 0, max_pages = 0, page_tokens = 0, kv_heads = 0, group = 0, head_dim = 0, value_dim = 0;
  float scale_log2 = 0;                       // scale * log2(e): the softmax is in powers of two
  int min_query = 0, max_query = 0x7fffffff;  // sequences with other numbers of queries are another kernel's
};

/// One sequence of the batch.
struct Sequence {
  int index, first_query, queries, length;
  TF_DEV int before() const { return length - queries; }  // cached tokens ahead of this step's
};

/// `queries` is 0 for what the kernel is to skip.
TF_DEV Sequence sequence_at(const AttentionJob& j, int s) {
  const int from = j.query_start[s], n = j.query_start[s + 1] - from;
  return {s, from, n < j.min_query || n > j.max_query ? 0 : n, j.kv_length[s]};
}

/// Which tokens a row sees: those below `limit`, and with a tree also those whose bit is set in `tree`.
struct RowView {
  int limit;           // 0 for a row past the last
  std::uint64_t tree;  // bit i: token before + i
  TF_DEV bool sees(int token, int before) const {
    return token < limit || (token >= before && token < before + 64 && (tree >> (token - before) & 1));
  }
};
TF_DEV RowView view_of(const AttentionJob& j, const Sequence& s, int row) {
  const int query = row / j.group;
  if (query >= s.queries) return {0, 0};
  if (!j.tree_mask) return {s.before() + query + 1, 0};
  const std::uint64_t visible = s.queries < 64 ? (std::uint64_t{1} << s.queries) - 1 : ~std::uint64_t{0};
  return {s.before(), j.tree_mask[s.first_query + query] & visible};
}

/// Every row of a tile sees the tokens below the first; none sees those from the second on.
TF_DEV int seen_by_all(const AttentionJob& j, const Sequence& s, int first_row) {
  return s.before() + (j.tree_mask ? 0 : first_row / j.group + 1);
}
TF_DEV int seen_by_any(const AttentionJob& j, const Sequence& s, int first_row, int rows) {
  const int last = (first_row + rows - 1) / j.group;
  return j.tree_mask || last >= s.queries ? s.length : s.before() + last + 1;
}

/// The row of the cache (of kv head `head`) where a token lies; fits 32 bits, as a row has 64 bytes and more.
TF_DEV unsigned cache_row(const AttentionJob& j, int sequence, int head, int token) {
  const int page = j.page_table[static_cast<std::int64_t>(sequence) * j.max_pages + token / j.page_tokens];
  return (static_cast<unsigned>(page) * static_cast<unsigned>(j.kv_heads) + static_cast<unsigned>(head)) *
             static_cast<unsigned>(j.page_tokens) +
         static_cast<unsigned>(token % j.page_tokens);
}

TF_DEV const bf16* query_row(const AttentionJob& j, const Sequence& s, int head, int row) {
  return j.q + (s.first_query + row / j.group) * j.q_stride +
         static_cast<std::int64_t>(head * j.group + row % j.group) * j.head_dim;
}
TF_DEV bf16* output_row(const AttentionJob& j, const Sequence& s, int head, int row) {
  return j.out + (s.first_query + row / j.group) * j.out_stride +
         static_cast<std::int64_t>(head * j.group + row % j.group) * j.value_dim;
}

inline constexpr unsigned kNoRow = ~0u;

TF_DEV float minus_infinity() { return float_of(0xff800000u); }
/// The factor that brings a sum relative to `from` to one relative to `to` (both in powers of two).
TF_DEV float rebase(float from, float to) { return from == minus_infinity() ? 0.0f : exp2_fast(from - to); }

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
