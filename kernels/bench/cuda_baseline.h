#pragma once
#include <cstdint>

namespace tokenfab::kernels {

/// Microseconds of cuBLASLt's bf16 product, tuned, with weights rotated out of the L2 cache; 0 where the library is
/// missing.
double cuda_matmul_baseline(std::int64_t m, std::int64_t n, std::int64_t k);

}  // namespace tokenfab::kernels
