#include "sim/economics/demand.h"

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();
constexpr double kLongestDays = 1e7;

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

/// Days after which losses stop growing because what the volume earns outgrows the fixed costs.
double turning_point(double variable, double fixed, double growth) {
  if (variable >= 0 || growth <= 0) return kLongestDays;
  const double log_growth = std::log1p(growth);
  return std::max(0.0, std::log(-fixed * growth / (variable * log_growth)) / log_growth);
}

}  // namespace

double quantity_factor(double price_factor, double elasticity) { return std::pow(price_factor, elasticity); }

double revenue_factor(double price_factor, double elasticity) { return std::pow(price_factor, 1 + elasticity); }

double implied_elasticity(double price_factor, double quantity_factor) {
  return price_factor == 1 ? std::numeric_limits<double>::quiet_NaN()
                           : std::log(quantity_factor) / std::log(price_factor);
}

double lerner_price_over_cost(double elasticity) {
  if (!(elasticity < -1))
    throw UserError("an elasticity of " + shortest(elasticity) + " has no best price: it must be below -1");
  return elasticity / (1 + elasticity);
}

std::vector<double> price_power_shares(const std::vector<double>& prices, double exponent) {
  std::vector<double> shares;
  for (const double p : prices) {
    if (!(p > 0)) throw UserError("a price of " + shortest(p) + ": shares by price need prices above 0");
    shares.push_back(std::pow(p, exponent));
  }
  const double total = sum(shares);
  for (double& s : shares) s /= total;
  return shares;
}

double herfindahl_index(const std::vector<double>& shares) {
  const double total = sum(shares);
  double index = 0;
  for (const double s : shares) index += s / total * s / total;
  return 10'000 * index;
}

double learning_curve_factor(double volume_factor, double learning_rate) {
  return std::pow(volume_factor, std::log2(1 - learning_rate));
}

double compound_growth(double first, double last, double years) { return std::pow(last / first, 1 / years) - 1; }

double pooling_gain(const std::vector<std::vector<double>>& demands) {
  if (demands.empty()) throw UserError("no demands to pool");
  std::vector<double> together(demands.front().size(), 0.0);
  double apart = 0;
  for (const auto& series : demands) {
    if (series.size() != together.size()) throw UserError("demands to pool need series of one length");
    for (std::size_t t = 0; t < series.size(); ++t) together[t] += series[t];
    if (!series.empty()) apart += *std::max_element(series.begin(), series.end());
  }
  if (!(apart > 0)) throw UserError("demands to pool are all zero");
  return 1 - *std::max_element(together.begin(), together.end()) / apart;
}

double burn_per_day(double tokens_per_day, double cost, double price, double fixed) {
  return tokens_per_day / 1e6 * (cost - price) + fixed;
}

double runway_days(double cash, double variable, double fixed, double growth) {
  if (cash <= 0) return 0;
  const double log_growth = std::log1p(growth);
  const auto left = [&](double n) {
    const double volume = growth == 0 ? n : std::expm1(n * log_growth) / growth;
    return std::min(1e300, variable * volume + fixed * n) - cash;
  };
  const double last = turning_point(variable, fixed, growth);
  double high = std::min(1.0, last);
  while (left(high) < 0 && high < last) high = std::min(2 * high, last);
  if (left(high) < 0) return kForever;
  boost::uintmax_t steps = 300;
  const auto root =
      boost::math::tools::toms748_solve(left, 0.0, high, boost::math::tools::eps_tolerance<double>(52), steps);
  return (root.first + root.second) / 2;
}

}  // namespace tokenfab
