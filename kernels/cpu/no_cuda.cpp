// Linked where the build has no CUDA.
#include "kernels/backend.h"

namespace tokenfab::kernels {

std::unique_ptr<Backend> make_cuda_backend(std::string& why) {
  why = "this build has no CUDA (configure with -DTOKENFAB_CUDA=ON where nvcc is installed)";
  return nullptr;
}

}  // namespace tokenfab::kernels
