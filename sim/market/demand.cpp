#include "sim/market/demand.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "sim/economics/demand.h"
#include "sim/market/money.h"

namespace tokenfab::market {

double quantity_at(const DemandCurve& d, double price) {
  return d.quantity * quantity_factor(price / d.price, d.elasticity);
}

double consumer_surplus(const DemandCurve& d, double price, double choke) {
  if (price >= choke) return 0;
  const double power = 1 + d.elasticity, area = d.quantity * d.price;
  if (std::isinf(choke))
    return power < 0 ? area * std::pow(price / d.price, power) / -power : std::numeric_limits<double>::infinity();
  if (power == 0) return area * std::log(choke / price);
  return area / power * (std::pow(choke / d.price, power) - std::pow(price / d.price, power));
}

Rebound rebound(double elasticity, double price_ratio, double energy_per_token_ratio) {
  const double quantity = quantity_factor(price_ratio, elasticity);
  return {quantity, revenue_factor(price_ratio, elasticity), quantity * energy_per_token_ratio};
}

double energy_neutral_elasticity(double price_ratio, double energy_per_token_ratio) {
  return price_ratio == 1 ? std::nan("") : -std::log(energy_per_token_ratio) / std::log(price_ratio);
}

std::vector<double> logit_shares(std::span<const double> utilities) {
  std::vector<double> out(utilities.size(), 0.0);
  if (out.empty()) return out;
  const double best = *std::max_element(utilities.begin(), utilities.end());
  if (std::isinf(best)) return out;
  double sum = 0;
  for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] = std::exp(utilities[i] - best);
  for (double& share : out) share /= sum;
  return out;
}

double profile_at(const Profile& p, double utc_hour) {
  const double local = utc_hour + p.utc_offset_h;
  const double week = local - kHoursPerWeek * std::floor(local / kHoursPerWeek);
  const double day = week - kHoursPerDay * std::floor(week / kHoursPerDay);
  const double weekday = 7 / (5 + 2 * p.weekend);
  const double level = week < 5 * kHoursPerDay ? weekday : weekday * p.weekend;
  if (p.hours.empty()) return level * (1 + p.amplitude * std::cos(2 * std::numbers::pi * (day - p.peak_hour) / 24));
  const double mean = std::accumulate(p.hours.begin(), p.hours.end(), 0.0) / static_cast<double>(p.hours.size());
  return level * p.hours[std::min(p.hours.size() - 1, static_cast<std::size_t>(day))] / mean;
}

}  // namespace tokenfab::market
