#include "kernels/cuda/cublaslt.h"
#include "kernels/cuda/cuda_backend.h"

namespace tokenfab::kernels {

std::unique_ptr<Backend> make_cuda_backend(std::string& why) {
  constexpr std::size_t kWorkspace = std::size_t{256} << 20;
  if (cuda::device_count(why) == 0) return nullptr;
  if (const int capability = cuda::device_info().compute_capability; capability < 80) {
    why = "the GPU's compute capability " + std::to_string(capability / 10) + "." + std::to_string(capability % 10) +
          " is below 8.0";
    return nullptr;
  }
  std::string without;  // the library is an extra
  return std::make_unique<cuda::CudaBackend>(kWorkspace, cuda::make_cublaslt(without));
}

}  // namespace tokenfab::kernels
