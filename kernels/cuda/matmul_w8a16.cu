#include "kernels/cuda/skinny_kernels.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

void skinny_i8(Context& c, const MatmulShape& s) { launch_skinny<WeightI8>(c, s); }
void grouped_skinny_i8(Context& c, const MatmulShape& s, const Groups& g) { launch_grouped<WeightI8>(c, s, g); }

void skinny_e4m3(Context& c, const MatmulShape& s) { launch_skinny<WeightE4m3>(c, s); }
void grouped_skinny_e4m3(Context& c, const MatmulShape& s, const Groups& g) { launch_grouped<WeightE4m3>(c, s, g); }

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
