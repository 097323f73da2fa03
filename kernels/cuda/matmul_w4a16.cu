#include "kernels/cuda/skinny_kernels.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

void skinny_i4(Context& c, const MatmulShape& s) { launch_skinny<WeightI4>(c, s); }
void grouped_skinny_i4(Context& c, const MatmulShape& s, const Groups& g) { launch_grouped<WeightI4>(c, s, g); }

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
