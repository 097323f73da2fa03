#include "calibration/operator_fit.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "base/error.h"
#include "calibration/errors.h"
#include "calibration/least_squares.h"

namespace tokenfab::calibration {
namespace {

using Points = std::vector<OperatorPoint>;

constexpr double kNoise = 0.05;      // of one timed call
constexpr double kRowOctaves = 0.1;  // and along the rows of a product, where tiles make steps
constexpr double kShrink = 0.3;      // a node that only this much weight falls on is halved
constexpr std::size_t kMostContexts = 11;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double logit(double p) { return std::log(p / (1 - p)); }

bool is_product(const OperatorPoint& p) { return p.group == "gemm" || p.group == "lm_head"; }
bool has_grid(const OperatorPoint& p) {
  return p.group.ends_with("_attention") || (p.b > 0 && (p.group == "expert_gemm" || p.group == "all_reduce"));
}

double log_residual(const OperatorFit& fit, const OperatorPoint& p) { return std::log(p.seconds / fit.closed_form(p)); }

OperatorFit closed_form(const Points& points, const OperatorDefaults& defaults) {
  double shortest = points[0].seconds;
  for (const OperatorPoint& p : points) shortest = std::min(shortest, p.seconds);
  const std::vector<Prior> priors = {{std::log(std::min(defaults.floor_s, 0.9 * shortest)), 3},
                                     {logit(defaults.bandwidth), 1.5},
                                     {logit(defaults.compute), 1.5}};
  const auto with = [](const std::vector<double>& x) {
    OperatorFit f;
    f.floor_s = std::exp(x[0]), f.bandwidth = logistic(x[1]), f.compute = logistic(x[2]);
    return f;
  };
  const Fit best = least_squares(priors, kNoise, [&](const std::vector<double>& x, std::vector<double>& out) {
    const OperatorFit f = with(x);
    out.clear();
    for (const OperatorPoint& p : points) out.push_back(log_residual(f, p));
  });
  OperatorFit fit = with(best.parameters);
  fit.floor_error = best.sigma[0];
  fit.bandwidth_error = best.sigma[1] * (1 - fit.bandwidth);  // d ln(logistic) = (1 - p) dx
  fit.compute_error = best.sigma[2] * (1 - fit.compute);
  fit.points = points.size();
  return fit;
}

double octaves(double x, double y) { return std::log2(x / y); }

/// One row of residuals per shape, at every row count of the points: a Gaussian mean over that shape's own points.
GemmResidual product_residual(const OperatorFit& fit, const Points& points) {
  std::set<double> rows;
  std::map<std::pair<double, double>, std::vector<const OperatorPoint*>> by_shape;
  for (const OperatorPoint& p : points) rows.insert(p.a), by_shape[{p.b, p.c}].push_back(&p);
  GemmResidual out;
  out.rows.assign(rows.begin(), rows.end());
  for (const auto& [shape, own] : by_shape) {
    GemmResidual::Shape s{shape.first, shape.second, {}};
    for (const double row : out.rows) {
      double sum = 0, weights = 1e-12;
      for (const OperatorPoint* p : own) {
        const double d = octaves(row, p->a) / kRowOctaves, w = std::exp(-0.5 * d * d);
        sum += w * log_residual(fit, *p);
        weights += w;
      }
      if (weights < 0.1) {  // no point near: as at the nearest
        const auto nearest = std::min_element(own.begin(), own.end(), [&](const auto* x, const auto* y) {
          return std::fabs(octaves(row, x->a)) < std::fabs(octaves(row, y->a));
        });
        sum = log_residual(fit, **nearest), weights = 1;
      }
      s.log_ratio.push_back(std::clamp(sum / weights, -2.0, 2.0));
    }
    out.shapes.push_back(std::move(s));
  }
  return out;
}

/// Powers of two (or of a larger step) that span the values.
std::vector<double> nodes_over(const std::vector<GridSample>& samples, double GridSample::*value, std::size_t most) {
  double low = samples[0].*value, high = low;
  for (const GridSample& p : samples) low = std::min(low, p.*value), high = std::max(high, p.*value);
  const double span = std::max(0.0, std::log2(high / low));
  const auto steps = static_cast<std::size_t>(std::min<double>(std::ceil(span), static_cast<double>(most - 1)));
  std::vector<double> nodes{low};
  for (std::size_t i = 1; i <= steps; ++i)
    nodes.push_back(low * std::exp2(span * static_cast<double>(i) / static_cast<double>(steps)));
  return nodes;
}

GridResidual grid_residual(const OperatorFit& fit, const Points& points) {
  std::vector<GridSample> samples;
  for (const OperatorPoint& p : points) samples.push_back({p.a, p.b, log_residual(fit, p)});
  if (points[0].group == "all_reduce")
    if (GridResidual exact = exact_grid(samples); exact.y.size() <= kMostContexts) return exact;
  return smooth_grid(samples);
}

OperatorFit fit_both(const Points& points, const OperatorDefaults& defaults) {
  OperatorFit fit = closed_form(points, defaults);
  if (is_product(points[0])) fit.gemm = product_residual(fit, points);
  if (has_grid(points[0])) fit.grid = grid_residual(fit, points);
  return fit;
}

/// Calls fit_both on all points but one shape's, for each shape, and collects predictions of what was left out.
void leave_out_shapes(const Points& points, const OperatorDefaults& defaults, std::vector<Compared>& closed,
                      std::vector<Compared>& full) {
  std::set<std::string> shapes;
  for (const OperatorPoint& p : points) shapes.insert(p.shape);
  if (shapes.size() < 2) return;
  for (const std::string& shape : shapes) {
    Points rest;
    for (const OperatorPoint& p : points)
      if (p.shape != shape) rest.push_back(p);
    if (rest.size() < 3) continue;
    const OperatorFit fit = fit_both(rest, defaults);
    for (const OperatorPoint& p : points)
      if (p.shape == shape)
        closed.push_back({fit.closed_form(p), p.seconds}), full.push_back({fit.predict(p), p.seconds});
  }
}

/// Linear in ln(y), held beyond the ends.
double interpolate(const std::map<double, double>& values, double y) {
  const auto above = values.lower_bound(y);
  if (above == values.end()) return values.rbegin()->second;
  if (above == values.begin() || above->first == y) return above->second;
  const auto below = std::prev(above);
  const double t = std::log(y / below->first) / std::log(above->first / below->first);
  return below->second * (1 - t) + above->second * t;
}

}  // namespace

GridResidual exact_grid(const std::vector<GridSample>& samples) {
  std::map<double, std::map<double, std::vector<double>>> at;
  std::set<double> ys;
  for (const GridSample& s : samples) at[s.x][s.y].push_back(s.log_ratio), ys.insert(s.y);
  GridResidual g;
  g.y.assign(ys.begin(), ys.end());
  for (const auto& [x, row] : at) {
    g.x.push_back(x);
    std::map<double, double> medians;
    for (const auto& [y, values] : row) medians[y] = quantile(values, 0.5);
    for (const double y : g.y) g.log_ratio.push_back(std::clamp(interpolate(medians, y), -2.0, 2.0));
  }
  return g;
}

GridResidual smooth_grid(const std::vector<GridSample>& samples, double x_octaves, double y_octaves) {
  GridResidual g;
  g.x = nodes_over(samples, &GridSample::x, 16);
  g.y = nodes_over(samples, &GridSample::y, kMostContexts);
  for (const double x : g.x)
    for (const double y : g.y) {
      double sum = 0, weights = 0;
      for (const GridSample& p : samples) {
        const double dx = octaves(x, p.x) / x_octaves, dy = octaves(y, p.y) / y_octaves;
        const double w = std::exp(-0.5 * (dx * dx + dy * dy));
        sum += w * p.log_ratio;
        weights += w;
      }
      g.log_ratio.push_back(std::clamp(sum / (weights + kShrink), -2.0, 2.0));
    }
  return g;
}

double OperatorFit::closed_form(const OperatorPoint& p) const {
  const double flop = p.peak > 0 ? p.work.flop / (p.peak * compute) : 0;
  return floor_s + std::max(p.work.bytes / (p.bandwidth * bandwidth), flop) + p.work.copied / p.bandwidth;
}

double OperatorFit::predict(const OperatorPoint& p) const {
  double log_ratio = 0;
  if (!gemm.shapes.empty()) log_ratio = gemm.at(p.b, p.c, p.a);
  else if (!grid.x.empty()) log_ratio = grid.at(p.a, p.b);
  return closed_form(p) * std::exp(log_ratio);
}

OperatorFit fit_operator(const Points& points, const OperatorDefaults& defaults) {
  Points seen, unseen;
  for (const OperatorPoint& p : points) (p.check ? unseen : seen).push_back(p);
  require(seen.size() >= 3, "an operator fit needs three points");
  OperatorFit fit = fit_both(seen, defaults);
  std::vector<Compared> closed, full;
  std::string split = "shapes that the data file keeps for checking";
  for (const OperatorPoint& p : unseen)
    closed.push_back({fit.closed_form(p), p.seconds}), full.push_back({fit.predict(p), p.seconds});
  if (unseen.empty()) {
    split = "each shape left out in turn";
    leave_out_shapes(seen, defaults, closed, full);
  }
  if (closed.empty()) return fit;
  fit.closed = error_of(closed, points[0].figure(), split);
  fit.full = error_of(full, points[0].figure(), split);
  return fit;
}

}  // namespace tokenfab::calibration
