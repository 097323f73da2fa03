#include "sim/market/projection.h"

#include <cmath>
#include <limits>

namespace tokenfab::market {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kDaysPerYear = 365;

double exponent(const Wright& w) { return std::log2(1 - w.learning_rate); }

}  // namespace

double required_tokens_s(double usd_h, double usd_per_mtok) { return usd_h / 3600 / usd_per_mtok * 1e6; }

double cost_after(const YearlyFall& f, double years) { return f.floor + (f.now - f.floor) * std::pow(f.factor, years); }

double years_until(const YearlyFall& f, double target) {
  if (f.now <= target) return 0;
  if (target <= f.floor || f.factor >= 1) return kNever;
  return std::log((target - f.floor) / (f.now - f.floor)) / std::log(f.factor);
}

double cost_after(const Wright& w, double years) {
  const double rate = std::log1p(w.growth);
  const double more = rate == 0 ? w.per_year * years : w.per_year * std::expm1(rate * years) / rate;
  return w.now * std::pow((w.made + more) / w.made, exponent(w));
}

double years_until(const Wright& w, double target) {
  if (w.now <= target) return 0;
  if (w.learning_rate <= 0 || w.per_year <= 0) return kNever;
  const double more = w.made * (std::pow(target / w.now, 1 / exponent(w)) - 1);
  const double rate = std::log1p(w.growth);
  if (rate == 0) return more / w.per_year;
  const double grown = more * rate / w.per_year;  // output that shrinks never adds up to more than per_year / -rate
  return grown > -1 ? std::log1p(grown) / rate : kNever;
}

double burn_per_day(const Subsidy& s, double days) {
  const double loss = s.tokens_per_day / 1e6 * (s.cost_usd_per_mtok - s.price_usd_per_mtok);
  return loss * std::pow(1 + s.growth, days / kDaysPerYear) + s.fixed_usd_per_day;
}

double burnt_by(const Subsidy& s, double days) {
  const double loss = s.tokens_per_day / 1e6 * (s.cost_usd_per_mtok - s.price_usd_per_mtok);
  const double rate = std::log1p(s.growth) / kDaysPerYear;
  return loss * (rate == 0 ? days : std::expm1(rate * days) / rate) + s.fixed_usd_per_day * days;
}

double runway_days(const Subsidy& s, double cash) {
  const double loss = burn_per_day(s, 0) - s.fixed_usd_per_day;
  const double rate = std::log1p(s.growth) / kDaysPerYear;
  if (rate == 0) return loss + s.fixed_usd_per_day > 0 ? cash / (loss + s.fixed_usd_per_day) : kNever;
  if (s.fixed_usd_per_day == 0) {
    const double grown = cash * rate / loss;
    return loss > 0 && grown > -1 ? std::log1p(grown) / rate : kNever;
  }
  double high = 1;
  if (loss < 0 && rate > 0) {  // growing profits: what is burnt is highest when they meet the fixed cost
    high = std::log(s.fixed_usd_per_day / -loss) / rate;
    if (high <= 0 || burnt_by(s, high) < cash) return kNever;
  }
  while (burnt_by(s, high) < cash)
    if ((high *= 2) > kLongestRunwayDays) return kNever;
  double low = 0;
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    (burnt_by(s, middle) < cash ? low : high) = middle;
  }
  return high;
}

}  // namespace tokenfab::market
