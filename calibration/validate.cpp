#include "calibration/validate.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <map>

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

/// All models' predictions of the groups of one suite that share chip and engine.
struct Predictions {
  std::string chip, engine, version, grade;
  std::vector<PublishedPoint> ours, roofline, others;
};

Predictions predict_all(const Suite& suite, const SuiteGroup& group, const ValidateOptions& options,
                        const std::vector<CalibrationPtr>& all, const Catalog& catalog) {
  Predictions p;
  p.chip = group.chip, p.engine = group.engine, p.version = group.version;
  const CalibrationPtr own = best_calibration(group, catalog);
  p.grade = kGradeNames[static_cast<std::size_t>(own->grade)];
  p.ours = predict_points(suite, group, catalog, own);
  p.roofline = predict_points(suite, group, catalog, datasheet_roofline(group.engine, group.chip));
  if (options.leave_out)
    if (const CalibrationPtr c = without_chip(group.engine, group.chip, all))
      p.others = predict_points(suite, group, catalog, c);
  return p;
}

void merge(Predictions& into, const Predictions& p) {
  if (into.version.find(p.version) == std::string::npos) into.version += ", " + p.version;
  into.ours.insert(into.ours.end(), p.ours.begin(), p.ours.end());
  into.roofline.insert(into.roofline.end(), p.roofline.begin(), p.roofline.end());
  into.others.insert(into.others.end(), p.others.begin(), p.others.end());
}

std::vector<Score> score(const Suite& suite, const Predictions& p) {
  std::vector<std::string> metrics;
  for (const PublishedPoint& point : p.ours)
    if (std::find(metrics.begin(), metrics.end(), point.metric) == metrics.end()) metrics.push_back(point.metric);
  std::vector<Score> out;
  for (const std::string& metric : metrics)
    for (const bool check : {false, true}) {
      const std::vector<Compared> points = pick(p.ours, metric, check);
      if (points.empty()) continue;
      Score s;
      s.suite = suite.id, s.chip = p.chip, s.engine = p.engine, s.version = p.version;
      s.metric = metric, s.check = check, s.grade = p.grade;
      for (const PublishedPoint& point : p.ours)
        s.refused += point.metric == metric && point.check == check && !usable(point);
      s.error = error_of(points, metric, suite.split);
      s.rank = rank_correlation(points);
      const std::vector<Compared> sheet = pick(p.roofline, metric, check), unseen = pick(p.others, metric, check);
      s.roofline = mean_error(sheet);
      s.scaled_roofline = mean_error(sheet, scalar(p.roofline, metric));
      s.left_out = mean_error(unseen);
      s.left_out_rank = rank_correlation(unseen);
      out.push_back(std::move(s));
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
  const std::vector<CalibrationPtr> all = chip_calibrations(catalog);
  for (const Suite& suite : load_suites(catalog, options.suites)) {
    std::vector<Predictions> groups(suite.groups.size());
    tbb::parallel_for(std::size_t{0}, groups.size(),
                      [&](std::size_t i) { groups[i] = predict_all(suite, suite.groups[i], options, all, catalog); });
    std::map<std::pair<std::string, std::string>, Predictions> merged;
    for (const Predictions& p : groups) {
      const auto [at, first] = merged.try_emplace({p.engine, p.chip}, p);
      if (!first) merge(at->second, p);
    }
    for (const auto& [key, p] : merged)
      for (Score& s : score(suite, p)) out.push_back(std::move(s));
    if (done) done(suite.id);
  }
  return out;
}

}  // namespace tokenfab::calibration
