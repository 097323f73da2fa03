#include "sim/economics/cost_curve.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tokenfab {
namespace {

/// Steps in `tokens`; a whole number where rounding alone keeps it from being one.
double steps(const CostCurve& c, double tokens) {
  const double n = tokens / c.tokens_per_step, whole = std::round(n);
  return std::fabs(n - whole) <= 1e-12 * whole ? whole : n;
}

/// The right ends of the intervals on which both curves are straight, up to and with `most`.
std::vector<double> joints(const CostCurve& a, const CostCurve& b, double most) {
  std::vector<double> out;
  for (const CostCurve* curve : {&a, &b}) {
    if (!curve->stepped()) continue;
    if (most / curve->tokens_per_step > kMostSteps)
      throw UserError(curve->name + ": more than a million steps up to the largest volume");
    for (double n = 1; n * curve->tokens_per_step < most; ++n) out.push_back(n * curve->tokens_per_step);
  }
  out.push_back(most);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

/// The curve's value just above `tokens`.
double after(const CostCurve& c, double tokens) {
  return c.fixed_usd + c.slope() * tokens + (c.stepped() ? (std::floor(steps(c, tokens)) + 1) * c.usd_per_step : 0);
}

}  // namespace

double CostCurve::slope() const { return usd_per_mtok / 1e6; }

double CostCurve::at(double tokens) const {
  return fixed_usd + slope() * tokens + (stepped() ? std::ceil(steps(*this, tokens)) * usd_per_step : 0);
}

bool starts_above(const CostCurve& first, const CostCurve& second) {
  const double gap = after(first, 0) - after(second, 0);
  return gap > 0 || (gap == 0 && first.slope() >= second.slope());
}

std::vector<CurveCrossing> curve_crossings(const CostCurve& first, const CostCurve& second, double most_tokens) {
  std::vector<CurveCrossing> out;
  const double slope = first.slope() - second.slope();
  double low = 0;
  bool above = starts_above(first, second);
  for (const double high : joints(first, second, most_tokens)) {
    const double left = after(first, low) - after(second, low), right = first.at(high) - second.at(high);
    const bool begins = left > 0 || (left == 0 && slope >= 0), ends = right >= 0;
    if (begins != above) out.push_back({low, begins});
    if (ends != begins) out.push_back({std::clamp(low - left / slope, low, high), ends});
    above = ends;
    low = high;
  }
  return out;
}

}  // namespace tokenfab
