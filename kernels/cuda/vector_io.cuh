#pragma once
#include "kernels/cuda/platform.cuh"

/// Eight values of a row as floats. `wide`: all eight exist and start at a multiple of 16 bytes; else the first
/// `count` of them are touched, one by one.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

TF_DEV bf16 to_bf16(float v) {
  bf16 r;
  r.bits = static_cast<std::uint16_t>(pack_bf16(v, 0.0f));
  return r;
}

TF_DEV void load8(const bf16* p, bool wide, int count, float (&v)[8]) {
  if (wide) {
    const Quad q = load16(p);
    const std::uint32_t words[4] = {q.x, q.y, q.z, q.w};
    TF_UNROLL
    for (int i = 0; i < 4; ++i) {
      const Float2 pair = unpack_bf16(words[i]);
      v[2 * i] = pair.x;
      v[2 * i + 1] = pair.y;
    }
    return;
  }
  TF_UNROLL
  for (int i = 0; i < 8; ++i) v[i] = i < count ? static_cast<float>(p[i]) : 0.0f;
}
TF_DEV void load8(const float* p, bool wide, int count, float (&v)[8]) {
  if (wide) {
    const Quad a = load16(p), b = load16(p + 4);
    const std::uint32_t words[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
    TF_UNROLL
    for (int i = 0; i < 8; ++i) v[i] = float_of(words[i]);
    return;
  }
  TF_UNROLL
  for (int i = 0; i < 8; ++i) v[i] = i < count ? p[i] : 0.0f;
}

TF_DEV void store8(bf16* p, bool wide, int count, const float (&v)[8]) {
  if (wide) {
    store16(p, {pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]), pack_bf16(v[6], v[7])});
    return;
  }
  TF_UNROLL
  for (int i = 0; i < 8; ++i)
    if (i < count) p[i] = to_bf16(v[i]);
}
TF_DEV void store8(float* p, bool wide, int count, const float (&v)[8]) {
  if (wide) {
    store16(p, {bits_of(v[0]), bits_of(v[1]), bits_of(v[2]), bits_of(v[3])});
    store16(p + 4, {bits_of(v[4]), bits_of(v[5]), bits_of(v[6]), bits_of(v[7])});
    return;
  }
  TF_UNROLL
  for (int i = 0; i < 8; ++i)
    if (i < count) p[i] = v[i];
}

/// Sum over the block in every thread, warps in ascending order. Once per kernel.
TF_DEV float block_sum(float v) {
  TF_SHARED float sums[32];
  const int warp = static_cast<int>(threadIdx.x) / kWarp, warps = static_cast<int>(blockDim.x) / kWarp;
  v = warp_sum(v);
  if (threadIdx.x % kWarp == 0) sums[warp] = v;
  sync_threads();
  float total = 0;
  for (int w = 0; w < warps; ++w) total += sums[w];
  return total;
}

/// What a kernel started by launch_dependent() does first.
TF_DEV void begin_dependent() {
  grid_dependency_launch();
  grid_dependency_wait();
}

inline unsigned blocks_for(std::int64_t items, std::int64_t per_block) {
  return static_cast<unsigned>((items + per_block - 1) / per_block);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
