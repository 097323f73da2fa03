#pragma once
#include "kernels/cuda/platform.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// Rows first .. first + count of one expert.
struct GroupTile {
  int expert, first, count;
};

/// The index-th tile where each expert's rows are cut into tiles of `rows`; count is 0 past the last. Called by a full
/// warp; no host knows how the rows are spread.
TF_DEV GroupTile find_group_tile(const std::int32_t* offsets, int experts, int rows, int index) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  int before = 0;  // tiles of the experts already passed
  for (int base = 0; base < experts; base += kWarp) {
    const int e = base + lane;
    const int from = e < experts ? offsets[e] : 0, to = e < experts ? offsets[e + 1] : 0;
    const int tiles = (to - from + rows - 1) / rows;
    int sum = tiles;  // over the lanes up to this one
    TF_UNROLL
    for (int d = 1; d < kWarp; d *= 2) {
      const int other = shfl(sum, lane - d);
      if (lane >= d) sum += other;
    }
    const int local = index - before - (sum - tiles);  // the tile's place among this lane's
    const unsigned found = ballot(local >= 0 && local < tiles);
    if (found) {
      int owner = 0;
      while (!(found >> owner & 1u)) ++owner;
      const int first = shfl(from, owner) + shfl(local, owner) * rows, end = shfl(to, owner);
      return {base + owner, first, end - first < rows ? end - first : rows};
    }
    before += shfl(sum, kWarp - 1);
  }
  return {0, 0, 0};
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
