#pragma once
#include "kernels/cuda/attention_internal.cuh"
#include "kernels/cuda/attention_tile.cuh"
#include "kernels/cuda/vector_io.cuh"

/// Attention of many rows: a block takes 128 rows of a sequence and goes over the cache by 64 tokens, of which the next
/// are on their way to the other half of a double buffer. A warp has 32 rows, so that a fragment of K or V that it
/// reads from shared memory serves two matrix instructions.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

inline constexpr int kPrefillThreads = 128, kPrefillRows = 128, kPrefillTokens = 64, kPanels = 2;

template <DType type, int D>
struct PrefillLayout {
  using T = Tile<type, D>;
  static constexpr int part = T::bytes ? 32 : 64;  // tokens scored at a time: widening bytes takes registers
  static constexpr int tile_bytes = kPrefillTokens * T::row_bytes;
  static constexpr int stage_bytes = 2 * tile_bytes + (T::bytes ? 2 * kPrefillTokens * 4 : 0);
  static constexpr int query_bytes = kPrefillRows * 2 * D;
  static constexpr std::size_t shared_bytes = query_bytes + 2 * stage_bytes + 2 * kPrefillTokens * 4;
};

template <DType type, int D>
struct PrefillBlock {
  using L = PrefillLayout<type, D>;
  using T = Tile<type, D>;

  const AttentionJob& j;
  Sequence s;
  int head, first_row, end;  // tokens below `end` are seen
  int thread;
  char* queries;
  char* stages;
  unsigned* cache_rows;  // [2][kPrefillTokens]: of tiles with an even and an odd number

  TF_DEV PrefillBlock(const AttentionJob& job, const Sequence& sequence, int kv_head, int row)
      : j(job), s(sequence), head(kv_head), first_row(row), end(seen_by_any(job, sequence, row, kPrefillRows)) {
    thread = static_cast<int>(threadIdx.x);
    queries = dynamic_shared();
    stages = queries + L::query_bytes;
    cache_rows = reinterpret_cast<unsigned*>(stages + 2 * L::stage_bytes);
  }

  /// The cache row of the tile's (thread % 64)-th token.
  TF_DEV unsigned lookup(int tile) const {
    const int token = tile * kPrefillTokens + opaque(thread) % kPrefillTokens;
    return token < end ? cache_row(j, s.index, head, token) : kNoRow;
  }
  TF_DEV void note_row(int tile, unsigned row) const {
    if (thread < kPrefillTokens) cache_rows[tile % 2 * kPrefillTokens + thread] = row;
  }
  TF_DEV void copy(int tile) const {
    char* to = stages + tile % 2 * L::stage_bytes;
    const unsigned* rows = cache_rows + tile % 2 * kPrefillTokens;
    const int own = opaque(thread);
    TF_UNROLL
    for (int i = 0; i < kPrefillTokens * T::chunks / kPrefillThreads; ++i) {
      const int at = own + kPrefillThreads * i, token = at / T::chunks, chunk = at % T::chunks;
      const unsigned from = rows[token];
      const bool valid = from != kNoRow;
      const std::int64_t offset = valid ? static_cast<std::int64_t>(from) * T::row_bytes + chunk * 16 : 0;
      copy_async16(to + T::offset(token, chunk), j.keys + offset, valid);
      copy_async16(to + L::tile_bytes + T::offset(token, chunk), j.values + offset, valid);
    }
    if constexpr (T::bytes) {
      const unsigned from = rows[thread % kPrefillTokens];
      const float* scales = thread < kPrefillTokens ? j.key_scales : j.value_scales;
      copy_async4(to + 2 * L::tile_bytes + 4 * thread, scales + (from != kNoRow ? from : 0), from != kNoRow);
    }
    copy_async_commit();
  }

  TF_DEV void load_queries() const {
    const int rows = s.queries * j.group - first_row;
    for (int at = thread; at < kPrefillRows * D / 8; at += kPrefillThreads) {
      const int row = at / (D / 8), chunk = at % (D / 8);
      const Quad v = row < rows ? load16(query_row(j, s, head, first_row + row) + 8 * chunk) : Quad{0, 0, 0, 0};
      store_query_chunk<type, D>(queries, row, chunk, v);
    }
  }

  /// The means of the warp's rows, through the place of its queries.
  TF_DEV void store(const float (&o)[kPanels][D / 8][4], const RunningSoftmax<kPanels>& running) const {
    const int lane = thread % kWarp, first = thread / kWarp * 16 * kPanels;
    sync_warp();
    TF_UNROLL
    for (int m = 0; m < kPanels; ++m) TF_UNROLL
    for (int r = 0; r < 2; ++r) {
      const int row = first + 16 * m + 8 * r + lane / 4;
      const float sum = running.sum[m][r], inverse = sum > 0 ? 1.0f / sum : 0.0f;
      TF_UNROLL
      for (int n = 0; n < D / 8; ++n) TF_UNROLL
      for (int e = 0; e < 2; ++e) {
        const int column = value_column<type>(n, e, lane % 4);
        char* to = queries + QueryTile<D>::offset(row, column / 8) + column % 8 * 2;
        *reinterpret_cast<bf16*>(to) = to_bf16(o[m][n][2 * r + e] * inverse);
      }
    }
    sync_warp();
    const int rows = s.queries * j.group - first_row;
    for (int at = lane; at < 16 * kPanels * D / 8; at += kWarp) {
      const int row = first + at / (D / 8), chunk = at % (D / 8);
      if (row < rows)
        store16(output_row(j, s, head, first_row + row) + 8 * chunk,
                load16(queries + QueryTile<D>::offset(row, chunk)));
    }
  }

  TF_DEV void run() const {
    const int lane = thread % kWarp, warp_row = thread / kWarp * 16 * kPanels, row = first_row + warp_row;
    const int tiles = (end + kPrefillTokens - 1) / kPrefillTokens;
    note_row(0, lookup(0));
    note_row(1, lookup(1));
    sync_threads();
    copy(0);
    load_queries();
    float o[kPanels][D / 8][4];
    TF_UNROLL
    for (int i = 0; i < kPanels * D / 2; ++i) o[i / (D / 2)][i / 4 % (D / 8)][i % 4] = 0;
    RunningSoftmax<kPanels> running;
    running.clear();
    const int free_end = seen_by_all(j, s, row), warp_end = seen_by_any(j, s, row, 16 * kPanels);
    TF_NO_UNROLL
    for (int i = 0; i < tiles; ++i) {
      copy_async_wait<0>();
      sync_threads();
      if (i + 1 < tiles) copy(i + 1);
      const unsigned row_after = lookup(i + 2);
      const char* stage = stages + i % 2 * L::stage_bytes;
      TF_NO_UNROLL
      for (int part = 0; part < kPrefillTokens; part += L::part) {
        const int first = i * kPrefillTokens + part;
        if (first >= warp_end) break;
        const char* keys = stage + part * T::row_bytes;
        const auto* scales = reinterpret_cast<const float*>(stage + 2 * L::tile_bytes) + part;
        const int query_at = opaque(QueryTile<D>::offset(warp_row, 0) + QueryTile<D>::lane_offset(lane));
        float w[kPanels][L::part / 8][4];
        score_tile<type, D, kPanels, L::part / 16>(w, keys, lane, [&](int m, int step, std::uint32_t(&a)[4]) {
          QueryTile<D>::fragment(queries, m, step, query_at, a);
        });
        if constexpr (T::bytes) scale_tile(w, scales, lane);
        if (first + L::part > free_end) mask_tile(w, j, s, row, first, lane);
        soften_tile(w, running, o, j.scale_log2);
        if constexpr (T::bytes) scale_tile(w, scales + kPrefillTokens, lane);
        weigh_tile<type, D, kPanels, L::part / 16>(o, w, keys + L::tile_bytes, lane);
      }
      note_row(i + 2, row_after);
    }
    running.finish();
    store(o, running);
  }
};

template <DType type, int D>
TF_KERNEL TF_LAUNCH_BOUNDS(kPrefillThreads, 2) prefill_kernel(AttentionJob j, SplitPlan plan) {
  begin_dependent();
  const Place place = find_place(j, plan, static_cast<int>(blockIdx.x));
  if (place.sequence >= j.sequences) return;
  const Sequence s = sequence_at(j, place.sequence);
  const int tiles = tiles_of(j, plan, s), tile = tiles - 1 - place.item % tiles;  // those with the most tokens first
  PrefillBlock<type, D>(j, s, place.item / tiles, tile * kPrefillRows).run();
}

template <DType type, int D>
void launch_prefill(Context& c, const AttentionJob& j, const AttentionBounds& b) {
  SplitPlan plan;
  plan.split = Split::whole;
  plan.tile_rows = kPrefillRows;
  const std::int64_t most = b.rows / j.min_query < j.sequences ? b.rows / j.min_query : j.sequences;
  const std::int64_t tiles = b.rows * j.group / kPrefillRows + (most > 0 ? most : 1);
  launch_dependent(c, prefill_kernel<type, D>, {static_cast<unsigned>(tiles * j.kv_heads)}, {kPrefillThreads},
                   PrefillLayout<type, D>::shared_bytes, j, plan);
}

template <DType type>
void launch_prefill_of(Context& c, const AttentionJob& j, const AttentionBounds& b) {
  j.head_dim == 64 ? launch_prefill<type, 64>(c, j, b) : launch_prefill<type, 128>(c, j, b);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
