#include "kernels/cuda/attention_decode_launch.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

void decode_e4m3(Context& c, const AttentionJob& j, const AttentionBounds& b) {
  launch_decode_of<DType::e4m3>(c, j, b);
}
void decode_i8(Context& c, const AttentionJob& j, const AttentionBounds& b) { launch_decode_of<DType::i8>(c, j, b); }

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
