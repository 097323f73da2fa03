#include "kernels/cuda/attention_prefill.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

void prefill_e4m3(Context& c, const AttentionJob& j, const AttentionBounds& b) {
  launch_prefill_of<DType::e4m3>(c, j, b);
}
void prefill_i8(Context& c, const AttentionJob& j, const AttentionBounds& b) { launch_prefill_of<DType::i8>(c, j, b); }

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
