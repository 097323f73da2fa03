#include "sim/market/service_curve.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tokenfab::market {
namespace {

constexpr std::array kMembers = {&ServicePoint::requests_s,  &ServicePoint::ttft_mean_s, &ServicePoint::ttft_p99_s,
                                 &ServicePoint::tpot_mean_s, &ServicePoint::tpot_p99_s,  &ServicePoint::attainment,
                                 &ServicePoint::busy_share,  &ServicePoint::power_w,     &ServicePoint::usd_h};
constexpr double kRounding = 1e-9;

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

}  // namespace

MonotoneCurve::MonotoneCurve(std::vector<double> x, std::vector<double> y) : x_(std::move(x)), y_(std::move(y)) {
  const std::size_t n = x_.size();
  require(n > 0 && y_.size() == n, "an interpolated curve has points");
  std::vector<double> width, secant;
  for (std::size_t i = 0; i + 1 < n; ++i) {
    require(x_[i] < x_[i + 1], "an interpolated curve's points ascend");
    width.push_back(x_[i + 1] - x_[i]);
    secant.push_back((y_[i + 1] - y_[i]) / width.back());
  }
  slope_.assign(n, secant.empty() ? 0 : secant.front());
  if (n > 1) slope_.back() = secant.back();
  for (std::size_t i = 1; i + 1 < n; ++i) {
    const double a = secant[i - 1], b = secant[i];
    const double parabola = (a * width[i] + b * width[i - 1]) / (width[i - 1] + width[i]);
    slope_[i] = (sign(a) + sign(b)) * std::min({std::fabs(a), std::fabs(b), std::fabs(parabola) / 2});
  }
}

double MonotoneCurve::at(double x) const {
  if (x_.size() == 1) return y_[0];
  const auto next = std::upper_bound(x_.begin() + 1, x_.end() - 1, x);
  const auto i = static_cast<std::size_t>(next - x_.begin()) - 1;
  const double h = x_[i + 1] - x_[i], s = (y_[i + 1] - y_[i]) / h, t = x - x_[i];
  const double a = (slope_[i] + slope_[i + 1] - 2 * s) / (h * h), b = (3 * s - 2 * slope_[i] - slope_[i + 1]) / h;
  const double y = ((a * t + b) * t + slope_[i]) * t + y_[i];
  return std::clamp(y, std::min(y_[i], y_[i + 1]), std::max(y_[i], y_[i + 1]));
}

ServiceCurve::ServiceCurve(std::vector<ServicePoint> points) : points_(std::move(points)) {
  require(points_.size() >= 2 && points_.front().tokens_s == 0, "a service curve begins idle");
  std::vector<double> x;
  for (const auto& p : points_) x.push_back(p.tokens_s);
  for (const auto member : kMembers) {
    std::vector<double> y;
    for (const auto& p : points_) y.push_back(p.*member);
    curves_.emplace_back(x, std::move(y));
  }
}

std::optional<ServicePoint> ServiceCurve::at(double tokens_s) const {
  if (tokens_s > capacity() * (1 + kRounding)) return std::nullopt;
  ServicePoint out;
  out.tokens_s = std::clamp(tokens_s, 0.0, capacity());
  for (std::size_t i = 0; i < kMembers.size(); ++i) out.*kMembers[i] = curves_[i].at(out.tokens_s);
  return out;
}

double ServiceCurve::full_cost() const { return points_.back().usd_h / (capacity() * 3600) * 1e6; }

double ServiceCurve::running_cost() const {
  return (points_.back().usd_h - points_.front().usd_h) / (capacity() * 3600) * 1e6;
}

}  // namespace tokenfab::market
