#include "calibration/errors.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace tokenfab::calibration {
namespace {

std::vector<double> ranks(const std::vector<double>& v) {
  std::vector<std::size_t> order(v.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return v[a] < v[b]; });
  std::vector<double> rank(v.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i;
    while (end < order.size() && v[order[end]] == v[order[i]]) ++end;
    for (std::size_t j = i; j < end; ++j) rank[order[j]] = 0.5 * static_cast<double>(i + end - 1);
    i = end;
  }
  return rank;
}

}  // namespace

double quantile(std::vector<double> v, double q) {
  require(!v.empty(), "a quantile needs values");
  std::sort(v.begin(), v.end());
  const double at = q * static_cast<double>(v.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, v.size() - 1);
  return v[low] + (at - static_cast<double>(low)) * (v[high] - v[low]);
}

FitError error_of(const std::vector<Compared>& points, std::string what, std::string split) {
  std::vector<double> absolute, signed_errors;
  double sum = 0;
  for (const Compared& c : points) {
    const double e = c.predicted / c.measured - 1;
    signed_errors.push_back(e);
    absolute.push_back(std::fabs(e));
    sum += std::fabs(e);
  }
  return {std::move(what),
          std::move(split),
          quantile(absolute, 0.5),
          sum / static_cast<double>(points.size()),
          quantile(absolute, 0.9),
          quantile(signed_errors, 0.5),
          static_cast<std::int64_t>(points.size())};
}

double rank_correlation(const std::vector<Compared>& points) {
  if (points.size() < 3) return std::nan("");
  std::vector<double> p, m;
  for (const Compared& c : points) p.push_back(c.predicted), m.push_back(c.measured);
  const std::vector<double> a = ranks(p), b = ranks(m);
  const double mean = 0.5 * static_cast<double>(points.size() - 1);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace tokenfab::calibration
