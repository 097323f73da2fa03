#include "calibration/validate.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "calibration/defaults.h"

namespace tokenfab::calibration {
namespace {

using CalibrationPtr = std::shared_ptr<const Calibration>;

bool usable(const PublishedPoint& p) { return std::isfinite(p.predicted) && p.predicted > 0; }

std::vector<Compared> pick(const std::vector<PublishedPoint>& points, const std::string& metric, bool check) {
  std::vector<Compared> out;
  for (const PublishedPoint& p : points)
    if (p.metric == metric && p.check == check && usable(p)) out.push_back({p.predicted, p.measured});
  return out;
}

/// exp(median log ratio) of the fit rows.
double scalar(const std::vector<PublishedPoint>& points, const std::string& metric) {
  std::vector<double> ratios;
  for (const PublishedPoint& p : points)
    if (p.metric == metric && !p.check && usable(p)) ratios.push_back(std::log(p.measured / p.predicted));
  return ratios.empty() ? NAN : std::exp(quantile(ratios, 0.5));
}

double mean_error(const std::vector<Compared>& points, double factor = 1) {
  double sum = 0;
  for (const Compared& c : points) sum += std::fabs(factor * c.predicted / c.measured - 1);
  return points.empty() ? NAN : sum / static_cast<double>(points.size());
}

std::vector<Score> score_group(const Suite& suite, const SuiteGroup& group, const ValidateOptions& options,
                               const Catalog& catalog) {
  const CalibrationPtr own = best_calibration(group, catalog);
  const auto ours = predict_points(suite, group, catalog, own);
  const auto roofline = predict_points(suite, group, catalog, datasheet_roofline(group.engine, group.chip));
  std::vector<PublishedPoint> others;
  if (options.leave_out)
    if (const CalibrationPtr c = without_chip(group, catalog)) others = predict_points(suite, group, catalog, c);
  std::vector<std::string> metrics;
  for (const PublishedPoint& p : ours)
    if (std::find(metrics.begin(), metrics.end(), p.metric) == metrics.end()) metrics.push_back(p.metric);
  std::vector<Score> out;
  for (const std::string& metric : metrics)
    for (const bool check : {false, true}) {
      const std::vector<Compared> points = pick(ours, metric, check);
      Score s;
      s.suite = suite.id, s.chip = group.chip, s.engine = group.engine, s.version = group.version;
      s.metric = metric, s.check = check, s.grade = kGradeNames[static_cast<std::size_t>(own->grade)];
      for (const PublishedPoint& p : ours) s.refused += p.metric == metric && p.check == check && !usable(p);
      if (points.empty()) continue;
      s.error = error_of(points, metric, suite.split);
      s.rank = rank_correlation(points);
      const std::vector<Compared> sheet = pick(roofline, metric, check);
      s.roofline = mean_error(sheet);
      s.scaled_roofline = mean_error(sheet, scalar(roofline, metric));
      const std::vector<Compared> unseen = pick(others, metric, check);
      s.left_out = mean_error(unseen);
      s.left_out_rank = rank_correlation(unseen);
      out.push_back(s);
    }
  return out;
}

}  // namespace

std::vector<PublishedPoint> predict_points(const Suite& suite, const SuiteGroup& group, const Catalog& catalog,
                                      const std::shared_ptr<const Calibration>& calibration) {
  if (!is_kernel_suite(suite)) return predict_group(suite, group, catalog, calibration);
  std::vector<PublishedPoint> out;
  const std::vector<OperatorPoint> operators = operator_points(suite, group, catalog);
  for (std::size_t i = 0; i < operators.size(); ++i) {
    const OperatorPoint& p = operators[i];
    out.push_back({p.figure(), i, p.check, p.seconds, predict_operator(*calibration, p, catalog.chip(group.chip))});
  }
  return out;
}

std::vector<Score> validate(const ValidateOptions& options, const Catalog& catalog,
                            const std::function<void(const std::string&)>& done) {
  std::vector<Score> out;
  for (const Suite& suite : load_suites(catalog, options.suites)) {
    std::vector<std::vector<Score>> by_group(suite.groups.size());
    tbb::parallel_for(std::size_t{0}, suite.groups.size(), [&](std::size_t i) {
      by_group[i] = score_group(suite, suite.groups[i], options, catalog);
    });
    for (const auto& scores : by_group) out.insert(out.end(), scores.begin(), scores.end());
    if (done) done(suite.id);
  }
  return out;
}

}  // namespace tokenfab::calibration
