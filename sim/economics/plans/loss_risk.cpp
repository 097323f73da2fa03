#include <boost/math/distributions/binomial.hpp>
#include <limits>

#include "sim/economics/plans/plan.h"

namespace tokenfab {

LossRisk loss_risk(std::span<const double> margins) {
  const auto n = static_cast<double>(margins.size());
  if (margins.empty()) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  double losses = 0;
  for (const double margin : margins) losses += margin < 0;
  using boost::math::binomial_distribution;
  const double bound = losses == n ? 1 : binomial_distribution<double>::find_upper_bound_on_p(n, losses, 0.05);
  return {losses / n, bound};
}

}  // namespace tokenfab
