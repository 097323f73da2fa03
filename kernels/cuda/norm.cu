#include <algorithm>

#include "kernels/cuda/check.h"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/vector_io.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

struct NormJob {
  const bf16* x = nullptr;  // or null
  std::int64_t x_stride = 0;
  void* residual = nullptr;
  std::int64_t residual_stride = 0;
  const bf16* weight = nullptr;
  bf16* out = nullptr;
  std::int64_t out_stride = 0;
  float eps = 0;
  int cols = 0;
  bool wide = false;
};

/// One row per block, held in registers: each thread has V groups of eight columns. The order of the sum depends on the
/// number of columns alone.
template <class Residual, int V, int Threads>
TF_KERNEL TF_LAUNCH_BOUNDS(Threads, 1) rms_norm_kernel(NormJob j) {
  begin_dependent();
  const std::int64_t row = blockIdx.x;
  auto* residual = static_cast<Residual*>(j.residual) + row * j.residual_stride;
  const int first = 8 * static_cast<int>(threadIdx.x), step = 8 * static_cast<int>(blockDim.x);
  float v[V][8];
  TF_UNROLL
  for (int i = 0; i < V; ++i) {
    const int column = first + i * step;
    if (column < j.cols) load8(residual + column, j.wide, j.cols - column, v[i]);
  }
  float squares = 0;
  TF_UNROLL
  for (int i = 0; i < V; ++i) {
    const int column = first + i * step;
    if (column >= j.cols) continue;
    if (j.x) {
      float x[8];
      load8(j.x + row * j.x_stride + column, j.wide, j.cols - column, x);
      TF_UNROLL
      for (int e = 0; e < 8; ++e) v[i][e] += x[e];
      store8(residual + column, j.wide, j.cols - column, v[i]);
    }
    TF_UNROLL
    for (int e = 0; e < 8; ++e) squares = fmaf(v[i][e], v[i][e], squares);
  }
  const float inverse = 1.0f / sqrtf(block_sum(squares) / static_cast<float>(j.cols) + j.eps);
  TF_UNROLL
  for (int i = 0; i < V; ++i) {
    const int column = first + i * step;
    if (column >= j.cols) continue;
    float weight[8];
    load8(j.weight + column, j.wide, j.cols - column, weight);
    TF_UNROLL
    for (int e = 0; e < 8; ++e) v[i][e] *= inverse * weight[e];
    store8(j.out + row * j.out_stride + column, j.wide, j.cols - column, v[i]);
  }
}

template <class Residual>
void launch_norm(Context& c, const NormJob& j, std::int64_t rows) {
  const int groups = (j.cols + 7) / 8;
  const auto launch_with_threads = [&](auto kernel, int per_thread) {
    const unsigned threads = (blocks_for(groups, per_thread) + 31) / 32 * 32;
    launch_dependent(c, kernel, {static_cast<unsigned>(rows)}, {threads}, 0, j);
  };
  if (groups <= 512) launch_with_threads(rms_norm_kernel<Residual, 1, 512>, 1);
  else if (groups <= 2048) launch_with_threads(rms_norm_kernel<Residual, 4, 512>, 4);
  else launch_with_threads(rms_norm_kernel<Residual, 8, 512>, 8);
}

}  // namespace
}  // namespace TF_BUILD

void rms_norm(Context& c, const RmsNormArgs& a) {
  require_type(a.out, DType::bf16, "rms_norm", "out");
  require_that(a.residual.type == DType::bf16 || a.residual.type == DType::f32, "rms_norm",
               "residual must be bf16 or f32");
  require_that(!a.x.data || a.x.type == DType::bf16, "rms_norm", "x must be bf16");
  require_that(a.out.cols <= 32768, "rms_norm", "at most 32768 columns");
  if (a.out.rows == 0) return;
  NormJob j;
  j.x = a.x.as<const bf16>(), j.x_stride = a.x.stride;
  j.residual = a.residual.data, j.residual_stride = a.residual.stride;
  j.weight = a.weight, j.eps = a.eps;
  j.out = a.out.as<bf16>(), j.out_stride = a.out.stride;
  j.cols = static_cast<int>(a.out.cols);
  j.wide = j.cols % 8 == 0 && aligned_rows(a.residual) && aligned_rows(a.out) && aligned16(a.weight) &&
           (!a.x.data || aligned_rows(a.x));
  a.residual.type == DType::f32 ? launch_norm<float>(c, j, a.out.rows) : launch_norm<bf16>(c, j, a.out.rows);
}

}  // namespace tokenfab::kernels::cuda
