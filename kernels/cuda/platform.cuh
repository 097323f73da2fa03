#pragma once
#include <cstdint>
#include <type_traits>

#include "kernels/cuda/context.h"
#include "kernels/numeric.h"

/// What kernels are written against: the same .cu source is compiled by nvcc for the device and by g++ for the emulator
/// (TOKENFAB_EMULATE), which runs each thread of a block as a fiber. All warp operations take the full warp.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

inline constexpr int kWarp = 32;

/// 16 bytes: the widest access of a thread.
struct alignas(16) Quad {
  std::uint32_t x, y, z, w;
};
struct Float2 {
  float x, y;
};

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda

#if defined(TOKENFAB_EMULATE)
#include "kernels/emulator/platform_emulated.h"
#else
#include "kernels/cuda/platform_device.cuh"
#endif

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// Sum and maximum over the warp, in every lane; the order is fixed (a butterfly).
TF_DEV float warp_sum(float v) {
  TF_UNROLL
  for (int mask = 16; mask > 0; mask >>= 1) v += shfl_xor(v, mask);
  return v;
}
TF_DEV float warp_max(float v) {
  TF_UNROLL
  for (int mask = 16; mask > 0; mask >>= 1) {
    const float other = shfl_xor(v, mask);
    v = other > v ? other : v;
  }
  return v;
}

/// Queues grid x block threads of `kernel`. Throws std::runtime_error with the CUDA error's name.
template <class... P>
void launch(void (*kernel)(P...), Dim3 grid, Dim3 block, std::size_t dynamic_shared_bytes, Stream stream,
            std::type_identity_t<P>... arguments) {
  launch_with(false, kernel, grid, block, dynamic_shared_bytes, stream, arguments...);
}
/// The same, and the kernel may start before the one ahead of it ends (see grid_dependency_wait).
template <class... P>
void launch_dependent(const Context& context, void (*kernel)(P...), Dim3 grid, Dim3 block,
                      std::size_t dynamic_shared_bytes, std::type_identity_t<P>... arguments) {
  launch_with(context.programmatic, kernel, grid, block, dynamic_shared_bytes, context.stream, arguments...);
}

/// Two bf16 values in one word: the low half is x.
TF_DEV Float2 unpack_bf16(std::uint32_t pair) { return {float_of(pair << 16), float_of(pair & 0xffff0000u)}; }

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
