#include "sim/economics/queueing_formulas.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace tokenfab {

double erlang_b(int servers, double load) {
  double lost = 1;
  for (int c = 1; c <= servers; ++c) lost = load * lost / (c + load * lost);
  return lost;
}

double erlang_c(int servers, double load) {
  if (load >= servers) return 1;
  const double lost = erlang_b(servers, load), rho = load / servers;
  return lost / (1 - rho * (1 - lost));
}

double erlang_c_wait(int servers, double load) {
  return load >= servers ? std::numeric_limits<double>::infinity() : erlang_c(servers, load) / (servers - load);
}

double halfin_whitt(double beta) {
  const double density = std::exp(-beta * beta / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  const double below = std::erfc(-beta / std::numbers::sqrt2) / 2;
  return 1 / (1 + beta * below / density);
}

double square_root_staffing(double load, double beta) { return load + beta * std::sqrt(load); }

int servers_for_wait_share(double load, double share) {
  int servers = static_cast<int>(std::floor(load)) + 1;
  while (erlang_c(servers, load) > share) ++servers;
  return servers;
}

}  // namespace tokenfab
