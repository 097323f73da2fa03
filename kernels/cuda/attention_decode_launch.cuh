#pragma once
#include "kernels/cuda/attention_decode.cuh"

/// The launch of attention_decode.cuh's kernel for one type of cache.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// Bytes that the blocks on one multiprocessor may have together.
inline std::size_t shared_of_multiprocessor(int compute_capability) {
  switch (compute_capability) {
    case 80:
    case 87:
      return 164 << 10;
    case 90:
    case 100:
    case 103:
      return 228 << 10;
    default:
      return 100 << 10;
  }
}

template <DType type, int D, int MT>
void launch_decode(Context& c, const AttentionJob& j, const AttentionBounds& b) {
  using L = DecodeLayout<type, D, MT>;
  const std::size_t room = shared_of_multiprocessor(c.compute_capability);
  // The number of warps is part of the order of sums: it is the same for all MT and modes.
  const int warps =
      DecodeLayout<type, D, 2>::shared_bytes(kDecodeWarps, true) + 1024 <= room ? kDecodeWarps : kDecodeWarps / 2;
  const int resident = 2 * (L::shared_bytes(warps, false) + 1024) <= room ? 2 : 1;
  const SplitPlan plan = plan_split(c, j, b, L::rows, resident * c.multiprocessors);
  launch_dependent(c, decode_kernel<type, D, MT>, {static_cast<unsigned>(plan.blocks)},
                   {static_cast<unsigned>(warps * kWarp)}, L::shared_bytes(warps, plan.split == Split::whole), j, plan);
  if (plan.split != Split::whole) combine_decode(c, j, b, plan);
}

template <DType type>
void launch_decode_of(Context& c, const AttentionJob& j, const AttentionBounds& b) {
  const bool few = b.max_query * j.group <= 16;
  if (j.head_dim == 64) few ? launch_decode<type, 64, 1>(c, j, b) : launch_decode<type, 64, 2>(c, j, b);
  else few ? launch_decode<type, 128, 1>(c, j, b) : launch_decode<type, 128, 2>(c, j, b);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
