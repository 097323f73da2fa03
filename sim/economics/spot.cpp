#include "sim/economics/spot.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"

namespace tokenfab {

double mean_spot_price(double usd, const SpotTerms& t, double hours, std::uint64_t seed, std::uint32_t replication,
                       std::uint32_t pool) {
  if (t.volatility == 0 || hours <= 0) return usd;
  RandomStream random(seed, replication, StreamPurpose::spot_price, pool);
  const double keep = std::exp(-t.reversion_per_hour), shock = t.volatility * std::sqrt(1 - keep * keep);
  double x = t.volatility * random.normal();
  long double sum = 0;
  for (double left = hours; left > 0; left -= 1) {
    sum += std::min(left, 1.0) * std::exp(x - t.volatility * t.volatility / 2);
    x = keep * x + shock * random.normal();
  }
  return static_cast<double>(usd * sum / hours);
}

double interruption_factor(const SpotTerms& t) {
  const double hours = (t.restart_s + std::max(0.0, t.lost_work_s - t.notice_s)) / 3600;
  const double wasted = t.interruptions_per_hour * hours;
  if (wasted >= 1)
    throw UserError(shortest(t.interruptions_per_hour) + " interruptions an hour of " + shortest(hours) +
                    " h each leave no time to work");
  return 1 / (1 - wasted);
}

}  // namespace tokenfab
