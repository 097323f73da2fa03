#include "sim/market/projection.h"

#include <cmath>
#include <limits>

#include "sim/economics/demand.h"

namespace tokenfab::market {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kDaysPerYear = 365;

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
  return w.now * learning_curve_factor((w.made + more) / w.made, w.learning_rate);
}

double years_until(const Wright& w, double target) {
  if (w.now <= target) return 0;
  if (w.learning_rate <= 0 || w.per_year <= 0) return kNever;
  const double more = w.made * (std::pow(target / w.now, 1 / std::log2(1 - w.learning_rate)) - 1);
  const double rate = std::log1p(w.growth);
  if (rate == 0) return more / w.per_year;
  const double grown = more * rate / w.per_year;  // output that shrinks never adds up to more than per_year / -rate
  return grown > -1 ? std::log1p(grown) / rate : kNever;
}

double first_burn_per_day(const Subsidy& s) {
  return tokenfab::burn_per_day(s.tokens_per_day, s.cost_usd_per_mtok, s.price_usd_per_mtok, s.fixed_usd_per_day);
}

double burnt_by(const Subsidy& s, double days) {
  const double loss = first_burn_per_day(s) - s.fixed_usd_per_day, rate = std::log1p(s.growth) / kDaysPerYear;
  return loss * (rate == 0 ? days : std::expm1(rate * days) / rate) + s.fixed_usd_per_day * days;
}

double runway_days(const Subsidy& s, double cash) {
  const double loss = first_burn_per_day(s) - s.fixed_usd_per_day, rate = std::log1p(s.growth) / kDaysPerYear;
  const double growth_per_day = std::expm1(rate);
  // A day's sum of a flow that grows by `rate`.
  const double first_day = rate == 0 ? loss : loss * growth_per_day / rate;
  return tokenfab::runway_days(cash, first_day, s.fixed_usd_per_day, growth_per_day);
}

}  // namespace tokenfab::market
