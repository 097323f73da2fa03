#include <immintrin.h>

#include <utility>

#include "kernels/cpu/micro.h"

namespace tokenfab::kernels::cpu {
namespace {
#include "kernels/cpu/micro.inc"
}  // namespace

const Micro kMicroAvx512 = {matmul, attend, swiglu, sum_of, multiply_add, "avx512"};

}  // namespace tokenfab::kernels::cpu
