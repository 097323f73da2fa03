#include "hwmodels/calibration.h"

#include <algorithm>
#include <cmath>

namespace tokenfab {
namespace {

constexpr std::size_t kNeighbours = 4;
constexpr double kSameShape = 1e-6;  // octaves
constexpr double kFadeOctaves = 4;   // a shape this far away says e^-1 of what it would say here

struct Place {
  std::size_t low, high;
  double t;  // share of `high`
};

/// Where ln(x) lies between the ascending `nodes`.
Place place(const std::vector<double>& nodes, double x) {
  const auto above = std::upper_bound(nodes.begin(), nodes.end(), x);
  if (above == nodes.begin()) return {0, 0, 0};
  const auto high = static_cast<std::size_t>(above - nodes.begin());
  if (above == nodes.end()) return {high - 1, high - 1, 0};
  return {high - 1, high, std::log(x / nodes[high - 1]) / std::log(nodes[high] / nodes[high - 1])};
}

}  // namespace

double GemmResidual::at(double n, double k, double count) const {
  std::vector<std::pair<double, std::size_t>> near;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    near.emplace_back(std::hypot(std::log2(n / shapes[i].n), std::log2(k / shapes[i].k)), i);
  const std::size_t used = std::min(kNeighbours, near.size());
  std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(used), near.end());
  const Place p = place(rows, count);
  const auto value = [&](std::size_t shape) {
    const std::vector<double>& r = shapes[shape].log_ratio;
    return r[p.low] * (1 - p.t) + r[p.high] * p.t;
  };
  if (used > 0 && near[0].first < kSameShape) return value(near[0].second);
  double sum = 0, weights = 0;
  for (std::size_t i = 0; i < used; ++i) {
    const auto [distance, shape] = near[i];
    const double weight = 1 / (distance * distance);
    sum += weight * std::exp(-std::pow(distance / kFadeOctaves, 2)) * value(shape);
    weights += weight;
  }
  return weights > 0 ? sum / weights : 0;
}

double GridResidual::at(double at_x, double at_y) const {
  if (x.empty() || y.empty()) return 0;
  const Place i = place(x, at_x), j = place(y, at_y);
  const auto value = [&](std::size_t a, std::size_t b) { return log_ratio[a * y.size() + b]; };
  const double low = value(i.low, j.low) * (1 - j.t) + value(i.low, j.high) * j.t;
  const double high = value(i.high, j.low) * (1 - j.t) + value(i.high, j.high) * j.t;
  return low * (1 - i.t) + high * i.t;
}

}  // namespace tokenfab
