#pragma once
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>
#include <type_traits>

// Included by platform.cuh only: the platform on a GPU (sm_80 and later).
#define TF_KERNEL static __global__ void
#define TF_DEV __device__ __forceinline__
#define TF_SHARED __shared__
#define TF_LAUNCH_BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)
#define TF_UNROLL _Pragma("unroll")
#define TF_NO_UNROLL _Pragma("unroll 1")

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

TF_DEV char* dynamic_shared() {
  extern __shared__ __align__(1024) char tf_dynamic_shared_memory[];
  return tf_dynamic_shared_memory;
}
TF_DEV void sync_threads() { __syncthreads(); }
TF_DEV void sync_warp() { __syncwarp(); }
template <class T>
TF_DEV T shfl_xor(T value, int mask) {
  return __shfl_xor_sync(0xffffffffu, value, mask);
}
template <class T>
TF_DEV T shfl(T value, int lane) {
  return __shfl_sync(0xffffffffu, value, lane);
}
template <class T>
TF_DEV T shfl_down(T value, int delta) {
  return __shfl_down_sync(0xffffffffu, value, static_cast<unsigned>(delta));
}
TF_DEV unsigned ballot(bool p) { return __ballot_sync(0xffffffffu, p); }
TF_DEV int atomic_add(int* to, int v) { return atomicAdd(to, v); }
TF_DEV float atomic_add(float* to, float v) { return atomicAdd(to, v); }

TF_DEV Quad load16(const void* p) {
  const uint4 v = *static_cast<const uint4*>(p);
  return {v.x, v.y, v.z, v.w};
}
TF_DEV std::uint64_t evict_first_policy() {
  std::uint64_t policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}
/// Global memory that is read once. Volatile, so that it is not moved above grid_dependency_wait().
TF_DEV Quad load16_stream(const void* p) {
  Quad v;
  asm volatile("ld.global.nc.L1::no_allocate.L2::cache_hint.v4.u32 {%0, %1, %2, %3}, [%4], %5;"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p), "l"(evict_first_policy()));
  return v;
}
TF_DEV void store16(void* p, Quad v) { *static_cast<uint4*>(p) = make_uint4(v.x, v.y, v.z, v.w); }

TF_DEV unsigned shared_address(const void* p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }
/// Copies 16 bytes, or writes zeros where not valid (`global` is then not read).
TF_DEV void copy_async16(void* shared, const void* global, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 16 : 0)
               : "memory");
}
/// The same for what is read once.
TF_DEV void copy_async16_stream(void* shared, const void* global, bool valid) {
  asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2, %3;" ::"r"(shared_address(shared)),
               "l"(global), "r"(valid ? 16 : 0), "l"(evict_first_policy())
               : "memory");
}
TF_DEV void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most N of this thread's groups are under way; other threads' copies need a barrier after it.
template <int N>
TF_DEV void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

TF_DEV void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
/// Lane i gives the address of row i % 8 of matrix i / 8 (8 rows of 16 bytes each).
TF_DEV void load_matrix_x4(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
TF_DEV void load_matrix_x4_trans(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
/// The addresses of lanes 0 .. 15 count.
TF_DEV void load_matrix_x2(std::uint32_t (&r)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row))
               : "memory");
}

TF_DEV std::uint32_t pack_bf16(float lo, float hi) {
  std::uint32_t r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
  return r;
}
/// a * b + c in each half.
TF_DEV std::uint32_t fma_bf16x2(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t r;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
  return r;
}
TF_DEV void unpack_e4m3(std::uint32_t four, float (&out)[4]) {
#if __CUDA_ARCH__ >= 890
  std::uint32_t lo, hi;
  asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.rn.f16x2.e4m3x2 %0, l; cvt.rn.f16x2.e4m3x2 %1, h; }"
      : "=r"(lo), "=r"(hi)
      : "r"(four));
  asm("{ .reg .f16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }"
      : "=f"(out[0]), "=f"(out[1])
      : "r"(lo));
  asm("{ .reg .f16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }"
      : "=f"(out[2]), "=f"(out[3])
      : "r"(hi));
#else
  TF_UNROLL
  for (int i = 0; i < 4; ++i) {
    e4m3 value;
    value.bits = static_cast<std::uint8_t>(four >> (8 * i));
    out[i] = static_cast<float>(value);
  }
#endif
}
/// Byte i of the result is byte (selector >> 4 i) & 7 of the eight bytes a (0 .. 3), b (4 .. 7).
TF_DEV std::uint32_t permute_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  return __byte_perm(a, b, selector);
}
/// Any function of three bits: `lut` is that function of a = 0xf0, b = 0xcc, c = 0xaa.
template <int lut>
TF_DEV std::uint32_t lop3(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t r;
  asm("lop3.b32 %0, %1, %2, %3, %4;" : "=r"(r) : "r"(a), "r"(b), "r"(c), "n"(lut));
  return r;
}
TF_DEV float exp2_fast(float v) {
  float r;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
  return r;
}

/// Waits for the kernel before this one in the stream, and lets the next one start. A kernel that is launched by
/// launch_dependent() calls the first before it touches anything another kernel reads or writes.
TF_DEV void grid_dependency_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
TF_DEV void grid_dependency_launch() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/// Throws std::runtime_error with the error's name.
inline void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw std::runtime_error(std::string(what) + ": " + cudaGetErrorName(status) + " (" + cudaGetErrorString(status) +
                           ")");
}

template <class... P>
void launch_with(bool dependent, void (*kernel)(P...), Dim3 grid, Dim3 block, std::size_t shared_bytes, Stream stream,
                 P... arguments) {
  if (shared_bytes > 48 * 1024)
    check_cuda(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
        "cudaFuncSetAttribute");
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = {grid.x, grid.y, grid.z};
  config.blockDim = {block.x, block.y, block.z};
  config.dynamicSmemBytes = shared_bytes;
  config.stream = reinterpret_cast<cudaStream_t>(stream);
  config.attrs = &attribute;
  config.numAttrs = dependent ? 1 : 0;
  check_cuda(cudaLaunchKernelEx(&config, kernel, arguments...), "launch");
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
