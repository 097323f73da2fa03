#include "kernels/cuda/check.h"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/vector_io.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr int kThreads = 256;
constexpr float kLog2E = 1.4426950408889634f;

TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 4)
    swiglu_kernel(const bf16* gate_up, std::int64_t stride, int cols, bf16* out, std::int64_t out_stride, bool wide) {
  begin_dependent();
  const int column = 8 * static_cast<int>(blockIdx.y * kThreads + threadIdx.x), left = cols - column;
  if (left <= 0) return;
  const bf16* row = gate_up + blockIdx.x * stride + column;
  float gate[8], up[8];
  load8(row, wide, left, gate);
  load8(row + cols, wide, left, up);
  TF_UNROLL
  for (int i = 0; i < 8; ++i) up[i] *= gate[i] / (1.0f + exp2_fast(-gate[i] * kLog2E));
  store8(out + blockIdx.x * out_stride + column, wide, left, up);
}

}  // namespace
}  // namespace TF_BUILD

void swiglu(Context& c, const SwigluArgs& a) {
  require_type(a.gate_up, DType::bf16, "swiglu", "gate_up");
  require_type(a.out, DType::bf16, "swiglu", "out");
  require_that(a.gate_up.cols == 2 * a.out.cols, "swiglu", "gate_up must have twice the columns of out");
  if (a.out.rows == 0) return;
  const auto cols = static_cast<int>(a.out.cols);
  const bool wide = cols % 8 == 0 && aligned_rows(a.gate_up) && aligned_rows(a.out);
  launch_dependent(c, swiglu_kernel, {static_cast<unsigned>(a.out.rows), blocks_for(cols, 8 * kThreads)}, {kThreads}, 0,
                   a.gate_up.as<const bf16>(), a.gate_up.stride, cols, a.out.as<bf16>(), a.out.stride, wide);
}

}  // namespace tokenfab::kernels::cuda
