#include "kernels/cuda/attention_decode_launch.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

void decode_bf16(Context& c, const AttentionJob& j, const AttentionBounds& b) {
  launch_decode_of<DType::bf16>(c, j, b);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
