#include "kernels/emulator/emulated_backend.h"

#include "kernels/cuda/cuda_backend.h"

namespace tokenfab::kernels {

std::unique_ptr<Backend> make_emulated_cuda_backend() {
  return std::make_unique<cuda::emulated::CudaBackend>(std::size_t{16} << 20, nullptr);
}

}  // namespace tokenfab::kernels
