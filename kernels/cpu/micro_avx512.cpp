#include <immintrin.h>

#include "kernels/cpu/micro.h"

namespace tokenfab::kernels::cpu {
namespace {
#include "kernels/cpu/micro.inc"
}  // namespace

const Micro kMicroAvx512 = {matmul, attend, swiglu, "avx512"};

}  // namespace tokenfab::kernels::cpu
