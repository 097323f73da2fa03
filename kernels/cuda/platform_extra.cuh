#pragma once
#include "kernels/cuda/platform.cuh"

/// Instructions that few kernels need, for both platforms.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

#if defined(TOKENFAB_EMULATE)

/// Takes place at once, unlike copy_async16.
TF_DEV void copy_async4(void* shared, const void* global, bool valid) {
  std::uint32_t v = 0;
  if (valid) std::memcpy(&v, global, 4);
  std::memcpy(shared, &v, 4);
}
TF_DEV int opaque(int v) { return v; }

#else

/// copy_async16 for four bytes; in the same groups.
TF_DEV void copy_async4(void* shared, const void* global, bool valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 4 : 0)
               : "memory");
}
/// v; what is computed from it is not moved out of a loop, where it would cost registers.
TF_DEV int opaque(int v) {
  asm volatile("" : "+r"(v));
  return v;
}

#endif

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
