#pragma once
#include <functional>
#include <string>
#include <vector>

namespace tokenfab::calibration {

/// A parameter of a fit, in the scale it is fitted in (logarithms here): where it starts and stays unless the data
/// say otherwise, and how far they may easily move it.
struct Prior {
  double mean = 0, width = 1;
};

struct Fit {
  std::vector<double> parameters;
  std::vector<double> sigma;  // one standard deviation of each, priors included
  double rms = 0;             // of the residuals at the end
};

/// Minimises the pseudo-Huber loss of `residuals(parameters)`, log errors of about `noise` each with some outliers,
/// plus the priors, by Levenberg-Marquardt with numerical derivatives. Throws InternalError where a residual is not
/// finite at the priors' means.
Fit least_squares(const std::vector<Prior>& priors, double noise,
                  const std::function<void(const std::vector<double>&, std::vector<double>&)>& residuals);

}  // namespace tokenfab::calibration
