#include "kernels/cuda/skinny_kernels.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

void skinny_bf16(Context& c, const MatmulShape& s) { launch_skinny<WeightBf16>(c, s); }
void grouped_skinny_bf16(Context& c, const MatmulShape& s, const Groups& g) { launch_grouped<WeightBf16>(c, s, g); }

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
