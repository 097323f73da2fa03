#include "kernels/cuda/attention_prefill.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

void prefill_bf16(Context& c, const AttentionJob& j, const AttentionBounds& b) {
  launch_prefill_of<DType::bf16>(c, j, b);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
