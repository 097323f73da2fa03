#pragma once
#include <string>
#include <vector>

#include "hwmodels/calibration.h"

namespace tokenfab::calibration {

struct Compared {
  double predicted = 0, measured = 0;
};

/// Relative errors |p / m - 1| and their signed median. Needs at least one point.
FitError error_of(const std::vector<Compared>& points, std::string what, std::string split);

/// Spearman's rank correlation of predicted and measured, ties at mean ranks; NaN for fewer than three points.
double rank_correlation(const std::vector<Compared>& points);

/// q of 0 .. 1, linear between order statistics.
double quantile(std::vector<double> values, double q);

}  // namespace tokenfab::calibration
