#pragma once
#include <functional>
#include <string>
#include <vector>

#include "calibration/published.h"

namespace tokenfab::calibration {

/// Errors of one metric of one engine on one chip in one suite, on rows of one use.
struct Score {
  std::string suite, chip, engine, version, metric;
  bool check = false;          // rows that no fit has seen
  std::string grade;           // of the hardware model
  FitError error;              // ours
  double rank = 0;             // rank correlation of predicted and measured; NaN below three points
  double roofline = 0;         // mean error of the data sheet's roofline
  double scaled_roofline = 0;  // the same times one scalar fitted to the fit rows of this metric
  double left_out = 0;         // mean error where this chip is predicted from the others; NaN where none is
  double left_out_rank = 0;
  std::int64_t refused = 0;  // points that the model says cannot work (do not fit); not in the errors
};

struct ValidateOptions {
  std::vector<std::string> suites;  // empty: all
  bool leave_out = true;
};

/// Every number of a group, kernels too, as one calibration predicts it.
std::vector<PublishedPoint> predict_points(const Suite& suite, const SuiteGroup& group, const Catalog& catalog,
                                           const std::shared_ptr<const Calibration>& calibration);

/// Judges the catalogue's calibrations on published measurements, beside two rivals and the leave-one-chip-out
/// prediction. One score per metric and use; `done` hears each suite's end.
std::vector<Score> validate(const ValidateOptions& options, const Catalog& catalog,
                            const std::function<void(const std::string&)>& done = {});

}  // namespace tokenfab::calibration
