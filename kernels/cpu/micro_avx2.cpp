#include <immintrin.h>

#include "kernels/cpu/micro.h"

namespace tokenfab::kernels::cpu {
namespace {
#include "kernels/cpu/micro.inc"
}  // namespace

const Micro kMicroAvx2 = {matmul, attend, swiglu, "avx2"};

}  // namespace tokenfab::kernels::cpu
