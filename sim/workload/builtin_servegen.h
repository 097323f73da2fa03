#pragma once
#include <utility>
#include <vector>

#include "sim/workload/generator.h"

namespace tokenfab {

GeneratorSpec servegen_m_large();
GeneratorSpec servegen_deepseek_r1();
GeneratorSpec servegen_mm_image();

/// Clients whose common rate follows `hours`, relative to the mean `rate` (requests per second), over as many hours.
inline GeneratorSpec servegen(double rate, std::vector<double> hours, std::vector<ClientSpec> clients) {
  GeneratorSpec s;
  s.arrivals.rate = rate;
  s.arrivals.profile = std::move(hours);
  s.arrivals.profile_window_s = 3600;
  s.clients = std::move(clients);
  s.duration_s = 3600.0 * static_cast<double>(s.arrivals.profile.size());
  return s;
}

}  // namespace tokenfab
