#include <algorithm>

#include "kernels/cuda/group_search.cuh"
#include "kernels/cuda/output.cuh"

/// bf16 products of many rows: blocks of 128 rows of x by 128 of W, 32 columns at a time through a ring of stages in
/// shared memory. Each of the 8 warps owns 64 x 32 of the block.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr int kTile = 128, kDepth = 32, kStages = 4, kThreads = 256;
constexpr int kRowQuads = kDepth / 8;                  // 16-byte pieces of a row
constexpr int kOperandBytes = kTile * kRowQuads * 16;  // of one stage
constexpr int kSharedBytes = 2 * kOperandBytes * kStages;

/// Byte offset of a piece. Pieces are permuted, so that the eight rows that one matrix load reads, and the pieces that
/// a quarter warp writes, lie in different banks.
TF_DEV int piece_offset(int row, int piece) { return (row * kRowQuads + (piece ^ (row >> 1 & 3))) * 16; }

/// What one thread copies of each stage: one piece of two rows of x and of two rows of W.
struct StageCopy {
  const char* from[4];
  bool valid[4];
  int left, shared_offset[2];

  TF_DEV StageCopy(const MatmulShape& s, const Groups& groups, const GroupTile& rows, const char* w, int column0) {
    const int thread = static_cast<int>(threadIdx.x), piece = thread % kRowQuads;
    left = s.k - 8 * piece;
    TF_UNROLL
    for (int i = 0; i < 2; ++i) {
      const int row = thread / kRowQuads + i * (kTile / 2), column = column0 + row;
      shared_offset[i] = piece_offset(row, piece);
      valid[i] = row < rows.count;
      valid[2 + i] = column < s.n;
      std::int64_t x_row = rows.first + (valid[i] ? row : 0);
      if (groups.order) x_row = groups.order[x_row] / groups.divide;
      from[i] = s.x + (x_row * s.x_stride + 8 * piece) * 2;
      from[2 + i] = w + (static_cast<std::int64_t>(valid[2 + i] ? column : 0) * s.k + 8 * piece) * 2;
    }
  }
  /// Queues the next 32 columns and commits them, also where none are left.
  TF_DEV void next(char* stage) {
    TF_UNROLL
    for (int i = 0; i < 4; ++i) {
      const bool present = valid[i] && left > 0;
      copy_async16(stage + i / 2 * kOperandBytes + shared_offset[i % 2], from[i], present);
      from[i] += kDepth * 2;
    }
    left -= kDepth;
    copy_async_commit();
  }
};

/// acc += the warp's part of one stage.
TF_DEV void multiply_stage(float (&acc)[4][4][4], const char* stage, int warp_row, int warp_column, int lane) {
  TF_UNROLL
  for (int k = 0; k < kDepth / 16; ++k) {
    std::uint32_t a[4][4], b[4][2];
    TF_UNROLL
    for (int i = 0; i < 4; ++i)  // matrices: rows 0-7, rows 8-15, then the same of the next 8 columns
      load_matrix_x4(a[i], stage + piece_offset(warp_row + 16 * i + lane % 16, 2 * k + lane / 16));
    TF_UNROLL
    for (int j = 0; j < 2; ++j) {  // matrices: the two halves of k for columns 0-7, then for 8-15
      std::uint32_t r[4];
      const int row = warp_column + 16 * j + lane / 16 * 8 + lane % 8;
      load_matrix_x4(r, stage + kOperandBytes + piece_offset(row, 2 * k + lane / 8 % 2));
      b[2 * j][0] = r[0];
      b[2 * j][1] = r[1];
      b[2 * j + 1][0] = r[2];
      b[2 * j + 1][1] = r[3];
    }
    TF_UNROLL
    for (int i = 0; i < 4; ++i) {
      TF_UNROLL
      for (int j = 0; j < 4; ++j) mma_bf16(acc[i][j], a[i], b[j]);
    }
  }
}

TF_DEV void store_tile(const float (&acc)[4][4][4], const MatmulShape& s, const GroupTile& rows, int warp_row,
                       int column0, int lane) {
  TF_UNROLL
  for (int i = 0; i < 4; ++i) {
    TF_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int row = warp_row + 16 * i + 8 * half + lane / 4;
      if (row >= rows.count) continue;
      TF_UNROLL
      for (int j = 0; j < 4; ++j)
        store_output_pair(s, rows.first + row, column0 + 8 * j + lane % 4 * 2, acc[i][j][2 * half],
                          acc[i][j][2 * half + 1]);
    }
  }
}

TF_DEV void multiply_tile(const MatmulShape& s, const Groups& groups, const GroupTile& rows, const char* w) {
  char* stages = dynamic_shared();
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warp_row = warp / 4 * 64, warp_column = warp % 4 * 32;
  const int column0 = static_cast<int>(blockIdx.x) * kTile, steps = (s.k + kDepth - 1) / kDepth;
  StageCopy copy(s, groups, rows, w, column0);
  float acc[4][4][4];
  TF_UNROLL
  for (int i = 0; i < 64; ++i) acc[i / 16][i / 4 % 4][i % 4] = 0;
  TF_UNROLL
  for (int i = 0; i < kStages - 1; ++i) copy.next(stages + i * 2 * kOperandBytes);
  TF_NO_UNROLL
  for (int i = 0; i < steps; ++i) {
    copy_async_wait<kStages - 2>();
    sync_threads();  // the stage is there, and the one before it is no longer read
    copy.next(stages + (i + kStages - 1) % kStages * 2 * kOperandBytes);
    multiply_stage(acc, stages + i % kStages * 2 * kOperandBytes, warp_row, warp_column, lane);
  }
  copy_async_wait<0>();
  store_tile(acc, s, rows, warp_row, column0 + warp_column, lane);
}

TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 2) tiled_kernel(MatmulShape s) {
  grid_dependency_wait();
  grid_dependency_launch();
  const int first = static_cast<int>(blockIdx.y) * kTile;
  multiply_tile(s, Groups{}, {0, first, s.m - first < kTile ? s.m - first : kTile}, s.w);
}

TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 2) grouped_tiled_kernel(MatmulShape s, Groups groups) {
  grid_dependency_wait();
  grid_dependency_launch();
  const GroupTile rows = find_group_tile(groups.offsets, groups.experts, kTile, static_cast<int>(blockIdx.y));
  if (rows.count > 0) multiply_tile(s, groups, rows, s.w + rows.expert * groups.w_bytes);
}

unsigned tiles(std::int64_t count) { return static_cast<unsigned>((count + kTile - 1) / kTile); }

}  // namespace

void tiled_bf16(Context& c, const MatmulShape& s) {
  launch_dependent(c, tiled_kernel, {tiles(s.n), tiles(s.m)}, {kThreads}, kSharedBytes, s);
}

void grouped_tiled_bf16(Context& c, const MatmulShape& s, const Groups& g) {
  // Each expert with rows has at most one tile that is not full.
  const int most = std::min(s.m, std::min(s.m, g.experts) + s.m / kTile);
  launch_dependent(c, grouped_tiled_kernel, {tiles(s.n), static_cast<unsigned>(most)}, {kThreads}, kSharedBytes, s, g);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
