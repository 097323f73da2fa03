#pragma once
#include "sim/workload/generator.h"

namespace tokenfab {

GeneratorSpec azure_conv_2023();
GeneratorSpec azure_code_2023();

}  // namespace tokenfab
