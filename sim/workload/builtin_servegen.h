#pragma once
#include "sim/workload/generator.h"

namespace tokenfab {

GeneratorSpec servegen_m_large();
GeneratorSpec servegen_deepseek_r1();
GeneratorSpec servegen_mm_image();

}  // namespace tokenfab
