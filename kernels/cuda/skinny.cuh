#pragma once
#include "kernels/cuda/output.cuh"
#include "kernels/cuda/weight_format.cuh"

/// y = x W^T for few rows of x: bound by the reading of W, which goes from memory to registers without a stop in shared
/// memory. The matrix instruction multiplies 16 rows of W by 8 rows of x, so that up to 8 rows of x cost the same.
///
/// A warp takes every eighth run of units of its rows of W, ascending, and the eight warps' sums are added in
/// order. This order depends on nothing else (neither m, n, nor the grid): an output's bits are the same whatever the
/// rest of the batch is.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

inline constexpr int kSkinnyWarps = 8;

/// Where a lane reads W next: rows g and g + 8 of each of R panels of 16 rows, and the scales of int4 groups.
template <class Format, int R>
struct WeightReader {
  static constexpr int kUnitBytes = Format::packed ? 1024 : 64;  // from one unit to the next
  const char* at[R][2];
  const char* scale_at[R];
  int left;  // bytes of the row from this lane's place to its end

  /// At the first of the warp's runs.
  TF_DEV WeightReader(const char* w, const char* scales, int n, int k, int row0, int warp, int lane) {
    const int row_bytes = k * 64 / Format::unit_columns, units = (row_bytes + 63) / 64, unit = warp * Format::run_units;
    left = row_bytes - unit * 64 - lane % 4 * 16;
    TF_UNROLL
    for (int r = 0; r < R; ++r) {
      const int row = row0 + 16 * r;
      if constexpr (Format::packed) {
        const std::int64_t tile = static_cast<std::int64_t>((row < n ? row : row0) / 16) * units + unit;
        at[r][0] = w + tile * 1024 + lane * 16;
        at[r][1] = at[r][0] + 512;
        scale_at[r] = scales + tile * 32 + lane / 4 * 4;
      } else {  // past the last row: the last, whose result is not stored
        const int a = row + lane / 4, b = a + 8;
        const char* column = w + unit * 64 + lane % 4 * 16;
        at[r][0] = column + static_cast<std::int64_t>(a < n ? a : n - 1) * row_bytes;
        at[r][1] = column + static_cast<std::int64_t>(b < n ? b : n - 1) * row_bytes;
        scale_at[r] = nullptr;
      }
    }
  }
  /// Unit u of the run; zeros past the row's end.
  TF_DEV Quad load(int r, int half, int u) const {
    if (u * 64 < left) return load16_stream(at[r][half] + u * kUnitBytes);
    return {0, 0, 0, 0};
  }
  TF_DEV std::uint32_t load_scales(int r, int u) const {
    if (Format::packed && u * 64 < left) return *reinterpret_cast<const std::uint32_t*>(scale_at[r] + u * 32);
    return 0;
  }
  TF_DEV void next_run() {
    constexpr int kUnits = kSkinnyWarps * Format::run_units;
    left -= kUnits * 64;
    TF_UNROLL
    for (int r = 0; r < R; ++r) {
      at[r][0] += kUnits * kUnitBytes;
      at[r][1] += kUnits * kUnitBytes;
      if constexpr (Format::packed) scale_at[r] += kUnits * 32;
    }
  }
};

/// Where a lane reads x: row g of each of M tiles of 8; past the last row the last, whose result is not stored.
template <class Format, int M>
struct InputReader {
  static constexpr int kLaneColumns = Format::unit_columns / 4;
  const char* base;
  std::uint32_t at[M];  // bytes; x is below 4 GB
  int left;             // columns to the row's end

  /// `order`, where not null, says what to divide for the row.
  TF_DEV InputReader(const MatmulShape& s, int first, int count, const std::int32_t* order, int divide, int warp,
                     int lane) {
    const int column = warp * Format::run_units * Format::unit_columns + lane % 4 * kLaneColumns;
    base = s.x;
    left = s.k - column;
    TF_UNROLL
    for (int j = 0; j < M; ++j) {
      const int i = 8 * j + lane / 4, row = first + (i < count ? i : count - 1);
      at[j] = static_cast<std::uint32_t>(((order ? order[row] / divide : row) * s.x_stride + column) * 2);
    }
  }
  /// Columns 8 q .. 8 q + 7 of the lane's in unit u of the run.
  TF_DEV Quad load(int j, int u, int q) const {
    const int column = u * Format::unit_columns + 8 * q;
    if (column < left) return load16(base + at[j] + column * 2);
    return {0, 0, 0, 0};
  }
  TF_DEV void next_run() {
    constexpr int kColumns = kSkinnyWarps * Format::run_units * Format::unit_columns;
    left -= kColumns;
    TF_UNROLL
    for (int j = 0; j < M; ++j) at[j] += kColumns * 2;
  }
};

/// acc += unit u of W times the same columns of x.
template <class Format, int M, int R>
TF_DEV void multiply_unit(float (&acc)[R][M][4], const Quad (&w)[R][2], const InputReader<Format, M>& x, int u) {
  TF_UNROLL
  for (int q = 0; q < Format::unit_columns / 32; ++q) {  // 8 columns of x in each load, two steps
    Quad b[M];
    TF_UNROLL
    for (int j = 0; j < M; ++j) b[j] = x.load(j, u, q);
    TF_UNROLL
    for (int half = 0; half < 2; ++half) {
      TF_UNROLL
      for (int r = 0; r < R; ++r) {
        std::uint32_t a[4];
        Format::fragment(w[r][0], 2 * q + half, a[0], a[2]);
        Format::fragment(w[r][1], 2 * q + half, a[1], a[3]);
        TF_UNROLL
        for (int j = 0; j < M; ++j) {
          const std::uint32_t pair[2] = {word(b[j], 2 * half), word(b[j], 2 * half + 1)};
          mma_bf16(acc[r][j], a, pair);
        }
      }
    }
  }
}

template <int M, int R>
TF_DEV void clear(float (&acc)[R][M][4]) {
  TF_UNROLL
  for (int i = 0; i < R * M * 4; ++i) acc[i / (4 * M)][i / 4 % M][i % 4] = 0;
}

/// multiply_unit, with the group's scales where the format has them.
template <class Format, int M, int R>
TF_DEV void add_unit(float (&acc)[R][M][4], const Quad (&w)[R][2], const std::uint32_t (&scales)[R],
                     const InputReader<Format, M>& x, int u) {
  if constexpr (!Format::packed) {
    multiply_unit<Format, M, R>(acc, w, x, u);
  } else {
    float part[R][M][4];
    clear<M, R>(part);
    multiply_unit<Format, M, R>(part, w, x, u);
    TF_UNROLL
    for (int r = 0; r < R; ++r) {
      const Float2 s = unpack_bf16(scales[r]);
      TF_UNROLL
      for (int i = 0; i < M * 4; ++i)
        acc[r][i / 4][i % 4] = fmaf(part[r][i / 4][i % 4], i % 4 < 2 ? s.x : s.y, acc[r][i / 4][i % 4]);
    }
  }
}

/// Runs of warp `warp`.
template <class Format>
TF_DEV int run_count(int k, int warp) {
  const int columns = k - warp * Format::run_units * Format::unit_columns;
  constexpr int kStep = kSkinnyWarps * Format::run_units * Format::unit_columns;
  return columns > 0 ? (columns + kStep - 1) / kStep : 0;
}

/// One warp's share of the sums. The first loads of W are issued before make_input() is called, which may wait.
template <class Format, int M, int R, class MakeInput>
TF_DEV void accumulate_rows(float (&acc)[R][M][4], WeightReader<Format, R> w, int runs, MakeInput make_input) {
  Quad buffer[Format::run_units][R][2];
  std::uint32_t scales[Format::run_units][R];
  const auto load = [&](int u) {
    TF_UNROLL
    for (int r = 0; r < R; ++r) {
      buffer[u][r][0] = w.load(r, 0, u);
      buffer[u][r][1] = w.load(r, 1, u);
      scales[u][r] = w.load_scales(r, u);
    }
  };
  TF_UNROLL
  for (int u = 0; u < Format::run_units; ++u) load(u);
  InputReader<Format, M> x = make_input();
  TF_NO_UNROLL
  for (int run = 0; run < runs; ++run, x.next_run()) {
    w.next_run();
    TF_UNROLL
    for (int u = 0; u < Format::run_units; ++u) {
      Quad now[R][2];
      std::uint32_t now_scales[R];
      TF_UNROLL
      for (int r = 0; r < R; ++r) {
        now[r][0] = buffer[u][r][0];
        now[r][1] = buffer[u][r][1];
        now_scales[r] = scales[u][r];
      }
      load(u);
      add_unit<Format, M, R>(acc, now, now_scales, x, u);
    }
  }
}

/// Adds the warps' sums in order, tile of 8 rows by tile, and writes them.
template <class Format, int M, int R>
TF_DEV void reduce_and_store(const float (&acc)[R][M][4], const MatmulShape& s, int row0, int first, int count) {
  constexpr int kColumns = 16 * R, kStride = kColumns + 4;  // the pad keeps a warp's stores in different banks
  TF_SHARED float sums[kSkinnyWarps][8][kStride];
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
  TF_UNROLL
  for (int j = 0; j < M; ++j) {
    if (8 * j >= count) break;
    if (j > 0) sync_threads();
    TF_UNROLL
    for (int i = 0; i < R * 4; ++i) {
      const int column = 16 * (i / 4) + lane / 4 + 8 * (i % 4 / 2), row = lane % 4 * 2 + i % 2;
      sums[warp][row][column] = acc[i / 4][j][i % 4];
    }
    sync_threads();
    for (int i = thread; i < 8 * kColumns; i += kSkinnyWarps * kWarp) {
      const int row = 8 * j + i / kColumns, column = row0 + i % kColumns;
      if (row >= count || column >= s.n) continue;
      float sum = 0;
      TF_UNROLL
      for (int v = 0; v < kSkinnyWarps; ++v) sum += sums[v][i / kColumns][i % kColumns];
      if constexpr (Format::type == DType::i8 || Format::type == DType::e4m3)
        sum *= reinterpret_cast<const float*>(s.scales)[column];
      store_output(s, (first + row) * s.y_stride + column, sum);
    }
  }
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
