#include "kernels/cuda/check.h"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/vector_io.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr int kThreads = 128, kAtOnce = 8;

/// Rows of `width` T; a thread owns one T of every row of its head, so that the copies take place in order.
template <class T>
TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 4)
    copy_rows_kernel(T* base, int width, int kv_heads, int page_tokens, const std::int64_t* from,
                     const std::int64_t* to, std::int64_t count) {
  begin_dependent();
  const int thread = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int head = thread / width, at = thread % width;
  if (head >= kv_heads) return;
  const auto place = [&](std::int64_t slot) {
    return base + ((slot / page_tokens * kv_heads + head) * page_tokens + slot % page_tokens) * width + at;
  };
  for (std::int64_t first = 0; first < count; first += kAtOnce) {
    T values[kAtOnce];
    TF_UNROLL
    for (int i = 0; i < kAtOnce; ++i)
      if (first + i < count) values[i] = *place(from[first + i]);
    TF_UNROLL
    for (int i = 1; i < kAtOnce; ++i) {  // what an earlier copy of this round is about to change
      TF_UNROLL
      for (int k = 0; k < i; ++k)
        if (first + i < count && to[first + k] == from[first + i]) values[i] = values[k];
    }
    TF_UNROLL
    for (int i = 0; i < kAtOnce; ++i)
      if (first + i < count) *place(to[first + i]) = values[i];
  }
}

template <class T>
void launch_copy(Context& c, const CopyKvArgs& a, void* base, std::int64_t row_bytes) {
  const int width = static_cast<int>(row_bytes / static_cast<std::int64_t>(sizeof(T)));
  launch_dependent(c, copy_rows_kernel<T>, {blocks_for(static_cast<std::int64_t>(a.kv.kv_heads) * width, kThreads)},
                   {kThreads}, 0, static_cast<T*>(base), width, a.kv.kv_heads, a.kv.page_tokens, a.from, a.to, a.count);
}

void copy_rows(Context& c, const CopyKvArgs& a, void* base, std::int64_t row_bytes) {
  if (!base) return;
  if (row_bytes % 16 == 0 && aligned16(base)) launch_copy<Quad>(c, a, base, row_bytes);
  else if (row_bytes % 4 == 0) launch_copy<std::uint32_t>(c, a, base, row_bytes);
  else launch_copy<std::uint8_t>(c, a, base, row_bytes);
}

}  // namespace
}  // namespace TF_BUILD

void copy_kv(Context& c, const CopyKvArgs& a) {
  require_that(a.kv.type == DType::bf16 || a.kv.type == DType::e4m3 || a.kv.type == DType::i8, "copy_kv",
               "the cache must be bf16, e4m3 or i8");
  if (a.count == 0) return;
  const std::int64_t value = bits_per_value(a.kv.type) / 8;
  copy_rows(c, a, a.kv.keys, a.kv.head_dim * value);
  copy_rows(c, a, a.kv.values, a.kv.value_dim * value);
  copy_rows(c, a, a.kv.key_scales, 4);
  copy_rows(c, a, a.kv.value_scales, 4);
}

}  // namespace tokenfab::kernels::cuda
