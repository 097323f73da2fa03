#include "kernels/cuda/check.h"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/vector_io.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr int kThreads = 256;

struct CombineJob {
  const bf16* y = nullptr;
  std::int64_t y_stride = 0;
  const float* weights = nullptr;
  const std::int32_t* position = nullptr;
  void* out = nullptr;
  std::int64_t out_stride = 0;
  int cols = 0, top_k = 0;
  bool accumulate = false, wide = false;
};

template <class Out>
TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 4) combine_kernel(CombineJob j) {
  begin_dependent();
  const int column = 8 * static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x), left = j.cols - column;
  if (left <= 0) return;
  Out* out = static_cast<Out*>(j.out) + blockIdx.x * j.out_stride + column;
  float sum[8] = {};
  if (j.accumulate) load8(out, j.wide, left, sum);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * j.top_k;
  for (int k = 0; k < j.top_k; ++k) {
    const float weight = j.weights[first + k];
    float v[8];
    load8(j.y + j.position[first + k] * j.y_stride + column, j.wide, left, v);
    TF_UNROLL
    for (int e = 0; e < 8; ++e) sum[e] = fmaf(weight, v[e], sum[e]);
  }
  store8(out, j.wide, left, sum);
}

}  // namespace
}  // namespace TF_BUILD

void moe_combine(Context& c, const MoeCombineArgs& a) {
  require_type(a.y, DType::bf16, "moe_combine", "y");
  require_that(a.out.type == DType::bf16 || a.out.type == DType::f32, "moe_combine", "out must be bf16 or f32");
  if (a.out.rows == 0) return;
  CombineJob j;
  j.y = a.y.as<const bf16>(), j.y_stride = a.y.stride;
  j.weights = a.weights, j.position = a.position;
  j.out = a.out.data, j.out_stride = a.out.stride;
  j.cols = static_cast<int>(a.out.cols), j.top_k = a.top_k, j.accumulate = a.accumulate;
  j.wide = j.cols % 8 == 0 && aligned_rows(a.y) && aligned_rows(a.out);
  const Dim3 grid{static_cast<unsigned>(a.out.rows), blocks_for(j.cols, 8 * kThreads)};
  if (a.out.type == DType::f32) launch_dependent(c, combine_kernel<float>, grid, {kThreads}, 0, j);
  else launch_dependent(c, combine_kernel<bf16>, grid, {kThreads}, 0, j);
}

}  // namespace tokenfab::kernels::cuda
