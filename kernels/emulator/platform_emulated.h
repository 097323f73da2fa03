#pragma once
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "kernels/emulator/machine.h"
#include "kernels/emulator/runtime_hooks.h"

// Included by platform.cuh only: the platform on the CPU. Warp operations follow the PTX fragment layouts to the bit;
// sums inside a matrix instruction are in f32, ascending k (the device's order is its own).
#define TF_KERNEL static void
#define TF_DEV inline
#define TF_SHARED static thread_local
#define TF_LAUNCH_BOUNDS(threads, blocks)
#define TF_UNROLL
#define TF_NO_UNROLL

namespace tokenfab::kernels::cuda {
inline namespace emulated {

template <class T>
struct Shuffle {
  T value;
  int source;
  T result;
};
template <class T>
void shuffle_lanes(void* const* slots) {
  for (int i = 0; i < kWarp; ++i) {
    auto* own = static_cast<Shuffle<T>*>(slots[i]);
    own->result = static_cast<const Shuffle<T>*>(slots[own->source])->value;
  }
}
template <class T>
T shuffle_from(T value, int source) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  Shuffle<T> slot{value, source, value};
  warp_collective(&shuffle_lanes<T>, &slot);
  return slot.result;
}
inline int lane_index() {
  return static_cast<int>((threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % kWarp);
}
template <class T>
T shfl_xor(T value, int mask) {
  return shuffle_from(value, (lane_index() ^ mask) & 31);
}
template <class T>
T shfl(T value, int lane) {
  return shuffle_from(value, lane & 31);
}
template <class T>
T shfl_down(T value, int delta) {
  const int source = lane_index() + delta;
  return shuffle_from(value, source < kWarp ? source : lane_index());
}
unsigned ballot(bool p);

inline int atomic_add(int* to, int v) {
  const int old = *to;
  *to = old + v;
  return old;
}
inline float atomic_add(float* to, float v) {
  const float old = *to;
  *to = old + v;
  return old;
}

inline Quad load16(const void* p) {
  require_aligned(p);
  Quad v;
  std::memcpy(&v, p, 16);
  return v;
}
inline Quad load16_stream(const void* p) { return load16(p); }
inline void store16(void* p, Quad v) {
  require_aligned(p);
  std::memcpy(p, &v, 16);
}
inline void copy_async16_stream(void* shared, const void* global, bool valid) { copy_async16(shared, global, valid); }
template <int N>
void copy_async_wait() {
  wait_copies(N);
}

void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]);
void load_matrix_x4(std::uint32_t (&r)[4], const void* row);
void load_matrix_x4_trans(std::uint32_t (&r)[4], const void* row);
void load_matrix_x2(std::uint32_t (&r)[2], const void* row);

inline std::uint32_t pack_bf16(float lo, float hi) {
  return bf16(lo).bits | static_cast<std::uint32_t>(bf16(hi).bits) << 16;
}
/// As on the device where the result is exact; else rounded twice.
inline std::uint32_t fma_bf16x2(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const auto half = [](std::uint32_t x, std::uint32_t y, std::uint32_t z) {
    return static_cast<float>(static_cast<double>(float_of(x)) * float_of(y) + float_of(z));
  };
  constexpr std::uint32_t high = 0xffff0000u;
  return pack_bf16(half(a << 16, b << 16, c << 16), half(a & high, b & high, c & high));
}
inline void unpack_e4m3(std::uint32_t four, float (&out)[4]) {
  for (int i = 0; i < 4; ++i) {
    e4m3 value;
    value.bits = static_cast<std::uint8_t>(four >> (8 * i));
    out[i] = static_cast<float>(value);
  }
}
inline std::uint32_t permute_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  const std::uint64_t both = static_cast<std::uint64_t>(b) << 32 | a;
  std::uint32_t r = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t pick = selector >> (4 * i) & 15;
    std::uint32_t byte = static_cast<std::uint32_t>(both >> (8 * (pick & 7))) & 255;
    if (pick & 8) byte = byte & 128 ? 255 : 0;  // the sign, in all bits
    r |= byte << (8 * i);
  }
  return r;
}
template <int lut>
std::uint32_t lop3(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t r = 0;
  for (int i = 0; i < 8; ++i)
    if (lut >> i & 1) r |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
  return r;
}
inline float exp2_fast(float v) { return std::exp2(v); }

inline void grid_dependency_wait() {}
inline void grid_dependency_launch() {}

template <class... P>
void launch_with(bool, void (*kernel)(P...), Dim3 grid, Dim3 block, std::size_t shared_bytes, Stream stream,
                 P... arguments) {
  submit(stream, [=] { run_grid(grid, block, shared_bytes, [&] { kernel(arguments...); }); });
}

}  // namespace emulated
}  // namespace tokenfab::kernels::cuda
