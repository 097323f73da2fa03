#pragma once
#include <memory>
#include <string>

#include "kernels/cuda/matmul_internal.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// cuBLASLt, found at run time. The first product of a shape times the library's best guesses against each other
/// (outside of a recording, and for few rows; else the first guess is taken) and the winner is kept.
class CublasLt : public MatmulLibrary {
 public:
  /// As matmul(), with x and W both e4m3 and one scale (a device pointer) for each.
  virtual bool matmul_e4m3(Context&, const MatmulShape&, const float* x_scale, const float* w_scale) = 0;
  virtual std::string version() const = 0;
};

/// Looks at TOKENFAB_CUBLASLT (a file, or a folder as in a Python package), then where the loader looks, then under
/// /usr/local/cuda. Null with a reason where there is none.
std::unique_ptr<CublasLt> make_cublaslt(std::string& why);

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
