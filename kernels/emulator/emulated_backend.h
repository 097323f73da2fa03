#pragma once
#include <memory>

#include "kernels/backend.h"

namespace tokenfab::kernels {

/// The CUDA kernels on the CPU (see machine.h): as slow as that is, and as exact.
std::unique_ptr<Backend> make_emulated_cuda_backend();

}  // namespace tokenfab::kernels
