#pragma once
#include <algorithm>

#include "kernels/cuda/group_search.cuh"
#include "kernels/cuda/skinny.cuh"

/// The kernels over skinny.cuh and their launch, for one weight format each.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

inline constexpr int kSkinnyThreads = kSkinnyWarps * kWarp;

/// Blocks per multiprocessor that the registers must leave room for.
constexpr int skinny_blocks(int tiles, int panels) { return tiles * panels <= 2 ? 2 : 1; }

template <class Format, int M, int R>
TF_KERNEL TF_LAUNCH_BOUNDS(kSkinnyThreads, skinny_blocks(M, R)) skinny_kernel(MatmulShape s) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int row0 = static_cast<int>(blockIdx.x) * 16 * R, first = static_cast<int>(blockIdx.y) * 8 * M;
  const int count = s.m - first < 8 * M ? s.m - first : 8 * M;
  const WeightReader<Format, R> w(s.w, s.scales, s.n, s.k, row0, warp, lane);
  float acc[R][M][4];
  clear<M, R>(acc);
  grid_dependency_launch();
  accumulate_rows<Format, M, R>(acc, w, run_count<Format>(s.k, warp), [&] {
    grid_dependency_wait();
    return InputReader<Format, M>(s, first, count, nullptr, 1, warp, lane);
  });
  reduce_and_store<Format, M, R>(acc, s, row0, first, count);
}

template <class Format, int M, int R>
TF_KERNEL TF_LAUNCH_BOUNDS(kSkinnyThreads, skinny_blocks(M, R)) grouped_skinny_kernel(MatmulShape s, Groups groups) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int row0 = static_cast<int>(blockIdx.x) * 16 * R;
  grid_dependency_launch();
  grid_dependency_wait();
  const GroupTile tile = find_group_tile(groups.offsets, groups.experts, 8 * M, static_cast<int>(blockIdx.y));
  if (tile.count <= 0) return;
  s.scales += tile.expert * groups.scale_bytes;
  const WeightReader<Format, R> w(s.w + tile.expert * groups.w_bytes, s.scales, s.n, s.k, row0, warp, lane);
  float acc[R][M][4];
  clear<M, R>(acc);
  accumulate_rows<Format, M, R>(acc, w, run_count<Format>(s.k, warp), [&] {
    return InputReader<Format, M>(s, tile.first, tile.count, groups.order, groups.divide, warp, lane);
  });
  reduce_and_store<Format, M, R>(acc, s, row0, tile.first, tile.count);
}

inline unsigned ceil_div(std::int64_t a, std::int64_t b) { return static_cast<unsigned>((a + b - 1) / b); }

/// Two panels a warp halve the reading of x; one gives more blocks where n is small.
inline bool two_panels(const Context& c, int n) {
  return ceil_div(n, 32) >= 2u * static_cast<unsigned>(c.multiprocessors);
}

template <class Format, int M, int R>
void launch_skinny_as(Context& c, const MatmulShape& s) {
  launch_dependent(c, skinny_kernel<Format, M, R>, {ceil_div(s.n, 16 * R), ceil_div(s.m, 8 * M)}, {kSkinnyThreads}, 0,
                   s);
}

template <class Format, int M>
void launch_skinny_tiles(Context& c, const MatmulShape& s) {
  // Where x is little against W, or the sums are many, two panels only cost registers.
  constexpr bool kTwo = M == 2 || (M == 4 && !Format::packed);
  if (kTwo && two_panels(c, s.n)) launch_skinny_as<Format, M, kTwo ? 2 : 1>(c, s);
  else launch_skinny_as<Format, M, 1>(c, s);
}

template <class Format>
void launch_skinny(Context& c, const MatmulShape& s) {
  if (s.m <= 8) launch_skinny_tiles<Format, 1>(c, s);
  else if (s.m <= 16) launch_skinny_tiles<Format, 2>(c, s);
  else if (s.m <= 32) launch_skinny_tiles<Format, 4>(c, s);
  else launch_skinny_tiles<Format, 8>(c, s);
}

template <class Format, int M, int R>
void launch_grouped_as(Context& c, const MatmulShape& s, const Groups& g) {
  // Each expert with rows has at most one tile that is not full.
  const std::int64_t tiles = std::min<std::int64_t>(s.m, std::min<std::int64_t>(s.m, g.experts) + s.m / (8 * M));
  launch_dependent(c, grouped_skinny_kernel<Format, M, R>, {ceil_div(s.n, 16 * R), static_cast<unsigned>(tiles)},
                   {kSkinnyThreads}, 0, s, g);
}

template <class Format>
void launch_grouped(Context& c, const MatmulShape& s, const Groups& g) {
  const int mean = s.m / std::max(1, g.experts);  // the active experts have more
  if (mean <= 4) launch_grouped_as<Format, 1, 1>(c, s, g);
  else if (mean <= 12) launch_grouped_as<Format, 2, 1>(c, s, g);
  else launch_grouped_as<Format, 4, 1>(c, s, g);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
