#pragma once
#include "kernels/cuda/attention_internal.cuh"
#include "kernels/cuda/attention_tile.cuh"
#include "kernels/cuda/vector_io.cuh"

/// Attention of few rows per sequence: bound by the reading of the cache. Each warp of a block takes every so many-th
/// 16 tokens of a run, through a ring of its own in shared memory, so that no barrier stands between a read and the
/// next; the warps' sums are added in order at the run's end.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

inline constexpr int kDecodeWarps = 4, kDecodeThreads = kDecodeWarps * kWarp, kDecodeTokens = 16;

template <DType type, int D, int MT>
struct DecodeLayout {
  using T = Tile<type, D>;
  static constexpr int rows = 16 * MT;
  static constexpr int tile_bytes = kDecodeTokens * T::row_bytes;
  static constexpr int stage_bytes = 2 * tile_bytes + (T::bytes ? 128 : 0);  // keys, values, their scales
  static constexpr int stages = type == DType::bf16 && D == 128 ? 3 : T::bytes && D == 128 ? 5 : 6;
  static constexpr int ring_bytes = stages * stage_bytes;
  static constexpr int query_bytes = rows * 2 * D;
  static constexpr int scale_bytes = 2 * kDecodeWarps * rows * 4;
  static constexpr int sum_stride = D + 8;  // floats of a row of a warp's sums, which take the ring's place
  static constexpr int total_bytes = rows * D / 4 * static_cast<int>(sizeof(PartialSum));
  static_assert(rows * sum_stride * 4 <= ring_bytes && query_bytes % 128 == 0 && stage_bytes % 128 == 0);

  static constexpr std::size_t shared_bytes(int warps, bool whole) {
    return static_cast<std::size_t>(query_bytes + scale_bytes + warps * ring_bytes + (whole ? total_bytes : 0));
  }
};

/// A run of tokens of one tile of rows.
struct DecodeRun {
  Sequence s;
  int head, first_row;
  int begin, end;  // tokens
};

template <DType type, int D, int MT>
struct DecodeWarp {
  using L = DecodeLayout<type, D, MT>;
  using T = Tile<type, D>;

  const AttentionJob& j;
  int lane, warp, warps;
  char* queries;
  float* scales;  // [2][kDecodeWarps][rows]
  char* ring;

  TF_DEV explicit DecodeWarp(const AttentionJob& job) : j(job) {
    lane = static_cast<int>(threadIdx.x) % kWarp;
    warp = static_cast<int>(threadIdx.x) / kWarp;
    warps = static_cast<int>(blockDim.x) / kWarp;
    queries = dynamic_shared();
    scales = reinterpret_cast<float*>(queries + L::query_bytes);
    ring = queries + L::query_bytes + L::scale_bytes + warp * L::ring_bytes;
  }
  TF_DEV PartialSum* totals() const {
    return reinterpret_cast<PartialSum*>(queries + L::query_bytes + L::scale_bytes + warps * L::ring_bytes);
  }

  TF_DEV int first_token(const DecodeRun& run, int i) const { return run.begin + (i * warps + warp) * kDecodeTokens; }
  /// The cache row of this lane's token of the warp's i-th tile.
  TF_DEV unsigned lookup(const DecodeRun& run, int i) const {
    const int token = first_token(run, i) + lane % kDecodeTokens;
    return token < run.end ? cache_row(j, run.s.index, run.head, token) : kNoRow;
  }
  TF_DEV void copy(int stage, unsigned row) const {
    char* to = ring + stage * L::stage_bytes;
    TF_UNROLL
    for (int i = 0; i < kDecodeTokens * T::chunks / kWarp; ++i) {
      const int at = lane + kWarp * i, token = at / T::chunks, chunk = at % T::chunks;
      const unsigned from = shfl(row, token);
      const bool valid = from != kNoRow;
      const std::int64_t offset = valid ? static_cast<std::int64_t>(from) * T::row_bytes + chunk * 16 : 0;
      copy_async16(to + T::offset(token, chunk), j.keys + offset, valid);
      copy_async16(to + L::tile_bytes + T::offset(token, chunk), j.values + offset, valid);
    }
    if constexpr (T::bytes) {
      const float* from = lane < kDecodeTokens ? j.key_scales : j.value_scales;
      copy_async4(to + 2 * L::tile_bytes + 4 * lane, from + (row != kNoRow ? row : 0), row != kNoRow);
    }
  }

  TF_DEV void load_queries(const DecodeRun& run) const {
    const int rows = run.s.queries * j.group - run.first_row;
    for (int at = static_cast<int>(threadIdx.x); at < L::rows * D / 8; at += warps * kWarp) {
      const int row = at / (D / 8), chunk = at % (D / 8);
      const Quad v =
          row < rows ? load16(query_row(j, run.s, run.head, run.first_row + row) + 8 * chunk) : Quad{0, 0, 0, 0};
      store_query_chunk<type, D>(queries, row, chunk, v);
    }
  }

  /// This warp's part of the run's sum to the place of its ring; its scales to `scales`.
  TF_DEV void attend(const DecodeRun& run) {
    const int step = warps * kDecodeTokens, left = run.end - first_token(run, 0);
    const int count = left > 0 ? (left + step - 1) / step : 0;
    unsigned rows[L::stages];
    TF_UNROLL
    for (int i = 0; i < L::stages; ++i) rows[i] = lookup(run, i);
    TF_UNROLL
    for (int i = 0; i < L::stages - 1; ++i) {
      if (i < count) copy(i, rows[i]);
      copy_async_commit();
    }
    load_queries(run);
    sync_threads();

    float o[MT][D / 8][4];
    RunningSoftmax<MT> running;
    running.clear();
    TF_UNROLL
    for (int i = 0; i < MT * D / 2; ++i) o[i / (D / 2)][i / 4 % (D / 8)][i % 4] = 0;
    std::uint32_t kept[MT == 1 ? D / 16 : 1][4];
    if constexpr (MT == 1) {
      TF_UNROLL
      for (int k = 0; k < D / 16; ++k) QueryTile<D>::fragment(queries, 0, k, QueryTile<D>::lane_offset(lane), kept[k]);
    }
    const int query_at = QueryTile<D>::lane_offset(lane);
    const auto query = [&](int m, int k, std::uint32_t(&a)[4]) {
      if constexpr (MT == 1) {
        TF_UNROLL
        for (int i = 0; i < 4; ++i) a[i] = kept[k][i];
      } else {
        QueryTile<D>::fragment(queries, m, k, query_at, a);
      }
    };

    const int free_end = seen_by_all(j, run.s, run.first_row);
    unsigned next = rows[L::stages - 1];
    int stage = 0, refill = L::stages - 1;
    TF_NO_UNROLL
    for (int i = 0; i < count; ++i) {
      copy_async_wait<L::stages - 2>();
      sync_warp();
      if (i + L::stages - 1 < count) copy(refill, next);
      copy_async_commit();
      next = lookup(run, i + L::stages);
      const char* keys = ring + stage * L::stage_bytes;
      const auto* tile_scales = reinterpret_cast<const float*>(keys + 2 * L::tile_bytes);
      const int first = first_token(run, i);
      float s[MT][2][4];
      score_tile<type, D, MT, 1>(s, keys, lane, query);
      if constexpr (T::bytes) scale_tile(s, tile_scales, lane);
      if (first + kDecodeTokens > free_end) mask_tile(s, j, run.s, run.first_row, first, lane);
      soften_tile(s, running, o, j.scale_log2);
      if constexpr (T::bytes) scale_tile(s, tile_scales + kDecodeTokens, lane);
      weigh_tile<type, D, MT, 1>(o, s, keys + L::tile_bytes, lane);
      stage = stage + 1 == L::stages ? 0 : stage + 1;
      refill = refill + 1 == L::stages ? 0 : refill + 1;
    }
    copy_async_wait<0>();
    sync_warp();
    running.finish();
    put_sums(running, o);
  }

  TF_DEV void put_sums(const RunningSoftmax<MT>& running, const float (&o)[MT][D / 8][4]) const {
    const int g = lane / 4, t = lane % 4;
    auto* sums = reinterpret_cast<float*>(ring);
    TF_UNROLL
    for (int m = 0; m < MT; ++m) {
      TF_UNROLL
      for (int r = 0; r < 2; ++r) {
        const int row = 16 * m + 8 * r + g;
        if (t == 0) {
          scales[warp * L::rows + row] = running.most[m][r];
          scales[(kDecodeWarps + warp) * L::rows + row] = running.sum[m][r];
        }
        TF_UNROLL
        for (int n = 0; n < D / 8; ++n) TF_UNROLL
        for (int e = 0; e < 2; ++e) sums[row * L::sum_stride + value_column<type>(n, e, t)] = o[m][n][2 * r + e];
      }
    }
  }

  /// The warps' sums of four columns of a row.
  TF_DEV PartialSum gather_sums(int row, int column) const {
    PartialSum total;
    for (int w = 0; w < warps; ++w) {
      float v[4];
      load4(reinterpret_cast<const float*>(ring + (w - warp) * L::ring_bytes) + row * L::sum_stride + column, v);
      total.add(scales[w * L::rows + row], scales[(kDecodeWarps + w) * L::rows + row], v);
    }
    return total;
  }

  /// Attends to the run and hands each four columns of each valid row, added over the warps, to `take`.
  template <class Take>
  TF_DEV void run(const DecodeRun& r, Take&& take) {
    attend(r);
    sync_threads();
    const int rows = r.s.queries * j.group - r.first_row;
    for (int at = static_cast<int>(threadIdx.x); at < L::rows * D / 4; at += warps * kWarp) {
      const int row = at / (D / 4), column = at % (D / 4) * 4;
      if (row < rows) take(at, row, column, gather_sums(row, column));
    }
    sync_threads();
  }
};

TF_DEV void put_partial(const SplitPlan& plan, int slot, int row, int column, int value_dim, const PartialSum& sum) {
  const std::int64_t at = static_cast<std::int64_t>(slot) * plan.tile_rows + row;
  store16(plan.sums + at * value_dim + column,
          {bits_of(sum.v[0]), bits_of(sum.v[1]), bits_of(sum.v[2]), bits_of(sum.v[3])});
  if (column > 0) return;
  plan.scales[2 * at] = sum.most;
  plan.scales[2 * at + 1] = sum.weight;
}

/// All runs of a tile by one block.
template <DType type, int D, int MT>
TF_DEV void attend_whole(DecodeWarp<type, D, MT>& warp, const SplitPlan& plan, DecodeRun run) {
  const AttentionJob& j = warp.j;
  PartialSum* totals = warp.totals();
  const int end = run.end;
  for (run.begin = 0; run.begin < end; run.begin += plan.run_tokens) {
    const bool first = run.begin == 0;
    run.end = end - run.begin < plan.run_tokens ? end : run.begin + plan.run_tokens;
    const bool last = run.end == end;
    warp.run(run, [&](int at, int row, int column, const PartialSum& sum) {
      PartialSum total;
      if (!first) total = totals[at];
      total.add(sum.most, sum.weight, sum.v);
      if (last) total.store(output_row(j, run.s, run.head, run.first_row + row) + column);
      else totals[at] = total;
    });
  }
}

template <DType type, int D, int MT>
TF_KERNEL TF_LAUNCH_BOUNDS(kDecodeThreads, 2) decode_kernel(AttentionJob j, SplitPlan plan) {
  begin_dependent();
  const int all = count_items(j, plan, 0).all, share = share_of(plan, all);
  const int first = static_cast<int>(blockIdx.x) * share, last = first + share < all ? first + share : all;
  if (first >= last) return;
  DecodeWarp<type, D, MT> warp(j);
  Place place = find_place(j, plan, first);
  for (int at = first; at < last;) {
    DecodeRun run;
    run.s = sequence_at(j, place.sequence);
    const int runs = runs_of(plan, run.s), tiles = tiles_of(j, plan, run.s);
    const int index = place.item % runs, tile = place.item / runs;
    run.head = tile / tiles;
    run.first_row = tile % tiles * plan.tile_rows;
    const int count = plan.split != Split::shares ? 1 : runs - index < last - at ? runs - index : last - at;
    const int seen = seen_by_any(j, run.s, run.first_row, plan.tile_rows);
    run.begin = index * plan.run_tokens;
    run.end = (index + count) * plan.run_tokens < seen ? (index + count) * plan.run_tokens : seen;
    if (plan.split == Split::whole) {
      run.end = seen;
      attend_whole(warp, plan, run);
    } else {
      const int slot = plan.split == Split::segments ? at : 2 * static_cast<int>(blockIdx.x) + (at > first ? 1 : 0);
      warp.run(run, [&](int, int row, int column, const PartialSum& sum) {
        if (count == runs) sum.store(output_row(j, run.s, run.head, run.first_row + row) + column);
        else put_partial(plan, slot, row, column, D, sum);
      });
    }
    at += count;
    place.item += count;
    while (at < last && place.item >= items_at(j, plan, place.sequence)) place = {place.sequence + 1, 0};
  }
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
