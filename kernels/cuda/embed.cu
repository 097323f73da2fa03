#include "kernels/cuda/check.h"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/vector_io.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr int kThreads = 256;

template <class Out>
TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 4)
    embed_kernel(const std::int32_t* ids, const bf16* table, int cols, Out* out, std::int64_t stride, bool wide) {
  begin_dependent();
  const int column = 8 * static_cast<int>(blockIdx.y * kThreads + threadIdx.x);
  if (column >= cols) return;
  float v[8];
  load8(table + static_cast<std::int64_t>(ids[blockIdx.x]) * cols + column, wide, cols - column, v);
  store8(out + blockIdx.x * stride + column, wide, cols - column, v);
}

/// T: what a thread moves at a time; widths and strides in these.
template <class T>
TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 4) gather_kernel(const T* x, std::int64_t x_stride, const std::int32_t* rows,
                                                      T* out, std::int64_t out_stride, int width) {
  begin_dependent();
  const int at = static_cast<int>(blockIdx.y * kThreads + threadIdx.x);
  if (at >= width) return;
  const std::int64_t row = rows ? rows[blockIdx.x] : static_cast<std::int64_t>(blockIdx.x);
  out[blockIdx.x * out_stride + at] = x[row * x_stride + at];
}

template <class T>
void launch_gather(Context& c, const GatherArgs& a, std::int64_t unit) {
  const std::int64_t value = bits_per_value(a.x.type) / 8;
  const auto width = static_cast<int>(a.out.cols * value / unit);
  launch_dependent(c, gather_kernel<T>, {static_cast<unsigned>(a.out.rows), blocks_for(width, kThreads)}, {kThreads}, 0,
                   a.x.as<const T>(), a.x.stride * value / unit, a.rows, a.out.as<T>(), a.out.stride * value / unit,
                   width);
}

template <class Out>
void launch_embed(Context& c, const EmbedArgs& a) {
  const auto cols = static_cast<int>(a.table.k);
  const bool wide = cols % 8 == 0 && aligned16(a.table.data) && aligned_rows(a.out);
  launch_dependent(c, embed_kernel<Out>, {static_cast<unsigned>(a.out.rows), blocks_for(cols, 8 * kThreads)},
                   {kThreads}, 0, a.ids, static_cast<const bf16*>(a.table.data), cols, a.out.as<Out>(), a.out.stride,
                   wide);
}

}  // namespace
}  // namespace TF_BUILD

void embed(Context& c, const EmbedArgs& a) {
  require_that(a.table.type == DType::bf16 && a.table.k == a.out.cols, "embed", "the table must be bf16 [vocab, cols]");
  require_that(a.out.type == DType::bf16 || a.out.type == DType::f32, "embed", "out must be bf16 or f32");
  if (a.out.rows == 0) return;
  a.out.type == DType::f32 ? launch_embed<float>(c, a) : launch_embed<bf16>(c, a);
}

void gather(Context& c, const GatherArgs& a) {
  require_that(a.x.type == a.out.type && a.x.type != DType::i4, "gather", "both sides must be of one type, not i4");
  if (a.out.rows == 0 || a.out.cols == 0) return;
  const std::int64_t value = bits_per_value(a.x.type) / 8;
  if (aligned_rows(a.x) && aligned_rows(a.out) && a.out.cols * value % 16 == 0) return launch_gather<Quad>(c, a, 16);
  if (value == 4) return launch_gather<std::uint32_t>(c, a, 4);
  if (value == 2) return launch_gather<std::uint16_t>(c, a, 2);
  launch_gather<std::uint8_t>(c, a, 1);
}

}  // namespace tokenfab::kernels::cuda
