#include <utility>

#include "kernels/cpu/micro.h"

namespace tokenfab::kernels::cpu {
namespace {
#include "kernels/cpu/micro.inc"
}  // namespace

const Micro kMicroBaseline = {matmul, attend, swiglu, sum_of, multiply_add, "baseline"};

}  // namespace tokenfab::kernels::cpu
