#include <algorithm>

#include "kernels/cuda/attention_internal.cuh"
#include "kernels/cuda/check.h"
#include "kernels/cuda/launchers.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr int kFewQueries = 8, kTreeQueries = 64;
constexpr int kRunTokens = 64, kSegmentTokens = 512;

void check(const AttentionArgs& a) {
  const KvCache& kv = a.kv;
  require_type(a.q, DType::bf16, "attention", "q");
  require_type(a.out, DType::bf16, "attention", "out");
  require_that(kv.type == DType::bf16 || kv.type == DType::e4m3 || kv.type == DType::i8, "attention",
               "the cache must be bf16, e4m3 or i8");
  require_that(kv.type == DType::bf16 || (kv.key_scales && (!kv.values || kv.value_scales)), "attention",
               "a quantized cache needs scales");
  require_that(kv.kv_heads > 0 && a.q_heads % kv.kv_heads == 0, "attention", "q_heads must be a multiple of kv_heads");
  require_that(kv.head_dim > 0 && kv.head_dim <= 1024 && kv.value_dim > 0 && kv.value_dim <= 1024 &&
                   (kv.values || kv.value_dim <= kv.head_dim),
               "attention", "dimensions must be at most 1024, without values value_dim at most head_dim");
  require_that(a.scale >= 0 && a.sequences <= 65535 && kv.kv_heads <= 65535, "attention", "out of range");
}

AttentionJob job_of(const AttentionArgs& a) {
  const KvCache& kv = a.kv;
  AttentionJob j;
  j.q = a.q.as<const bf16>(), j.q_stride = a.q.stride;
  j.out = a.out.as<bf16>(), j.out_stride = a.out.stride;
  const bool scaled = kv.type != DType::bf16;
  j.keys = static_cast<const char*>(kv.keys);
  j.values = static_cast<const char*>(kv.values);
  j.key_scales = scaled ? kv.key_scales : nullptr;
  j.value_scales = scaled ? kv.value_scales : nullptr;
  j.query_start = a.query_start, j.kv_length = a.kv_length, j.page_table = a.page_table, j.tree_mask = a.tree_mask;
  j.sequences = a.sequences, j.max_pages = a.max_pages;
  j.page_tokens = kv.page_tokens, j.kv_heads = kv.kv_heads, j.group = a.q_heads / kv.kv_heads;
  j.head_dim = kv.head_dim, j.value_dim = kv.value_dim;
  j.scale_log2 = a.scale * 1.4426950408889634f;
  j.min_query = 1;
  return j;
}

bool has_tiles(const AttentionArgs& a) {
  const KvCache& kv = a.kv;
  return kv.values && kv.head_dim == kv.value_dim && (kv.head_dim == 64 || kv.head_dim == 128) && aligned_rows(a.q) &&
         aligned_rows(a.out) && aligned16(kv.keys) && aligned16(kv.values);
}

void decode(Context& c, DType type, const AttentionJob& j, const AttentionBounds& b) {
  if (type == DType::bf16) decode_bf16(c, j, b);
  else if (type == DType::e4m3) decode_e4m3(c, j, b);
  else decode_i8(c, j, b);
}
void prefill(Context& c, DType type, const AttentionJob& j, const AttentionBounds& b) {
  if (type == DType::bf16) prefill_bf16(c, j, b);
  else if (type == DType::e4m3) prefill_e4m3(c, j, b);
  else prefill_i8(c, j, b);
}

/// Up to how many queries a sequence is read by the decode kernel, which cuts long caches into parts.
int decode_queries(const Context& c, const AttentionJob& j, const AttentionBounds& b) {
  if (c.deterministic) return b.max_query;  // one order of sums for all
  const int tiles = (b.max_query * j.group + 127) / 128;
  return b.max_query <= kTreeQueries && tiles * j.kv_heads * j.sequences < c.multiprocessors ? kTreeQueries
                                                                                             : kFewQueries;
}

}  // namespace

SplitPlan plan_split(const Context& c, const AttentionJob& j, const AttentionBounds& b, int tile_rows, int resident) {
  SplitPlan plan;
  plan.tile_rows = tile_rows;
  plan.split = c.deterministic ? Split::segments : Split::shares;
  plan.run_tokens = c.deterministic ? kSegmentTokens : kRunTokens;
  const std::int64_t most_tiles = (static_cast<std::int64_t>(b.max_query) * j.group + tile_rows - 1) / tile_rows;
  const std::int64_t tiles =
      j.kv_heads * std::min(j.sequences * most_tiles, b.rows * j.group / tile_rows + j.sequences);
  const std::int64_t items = tiles * ((b.max_kv + plan.run_tokens - 1) / plan.run_tokens);
  const std::int64_t slots = c.deterministic ? items : 2 * std::min<std::int64_t>(resident, items);
  const std::int64_t slot_bytes = static_cast<std::int64_t>(tile_rows) * (j.value_dim + 2) * 4;
  plan.blocks = static_cast<int>(std::min<std::int64_t>(items, c.deterministic ? 8 * resident : resident));
  if (slots * slot_bytes > static_cast<std::int64_t>(c.workspace_bytes)) {
    plan.split = Split::whole;
    plan.blocks = static_cast<int>(std::min<std::int64_t>(tiles, 0x7fffffff));
    return plan;
  }
  plan.sums = static_cast<float*>(c.workspace);
  plan.scales = plan.sums + slots * tile_rows * j.value_dim;
  return plan;
}

}  // namespace TF_BUILD

void attention(Context& c, const AttentionArgs& a) {
  check(a);
  if (a.q.rows == 0 || a.sequences == 0) return;
  AttentionJob j = job_of(a);
  AttentionBounds b{a.max_query, a.max_kv, a.q.rows};
  if (!has_tiles(a)) return attention_generic(c, a.kv.type, j, b);
  if (a.sequences == 1) b.max_query = static_cast<int>(a.q.rows);
  const int few = decode_queries(c, j, b);
  if (a.sequences > 1 || b.max_query <= few) {
    AttentionBounds decode_bounds = b;
    decode_bounds.max_query = j.max_query = std::min(few, b.max_query);
    decode(c, a.kv.type, j, decode_bounds);
  }
  if (b.max_query <= few) return;
  j.min_query = few + 1;
  j.max_query = b.max_query;
  prefill(c, a.kv.type, j, b);
}

}  // namespace tokenfab::kernels::cuda
