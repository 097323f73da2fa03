#include "calibration/least_squares.h"

#include <Eigen/Dense>
#include <cmath>
#include <unsupported/Eigen/NonLinearOptimization>
#include <unsupported/Eigen/NumericalDiff>

#include "base/error.h"

namespace tokenfab::calibration {
namespace {

constexpr double kOutlier = 3;  // in units of noise: beyond it a residual counts linearly

struct Problem {
  using Scalar = double;
  using InputType = Eigen::VectorXd;
  using ValueType = Eigen::VectorXd;
  using JacobianType = Eigen::MatrixXd;
  enum { InputsAtCompileTime = Eigen::Dynamic, ValuesAtCompileTime = Eigen::Dynamic };

  const std::vector<Prior>& priors;
  double noise;
  const std::function<void(const std::vector<double>&, std::vector<double>&)>& residuals;
  int count = 0;  // of data

  int inputs() const { return static_cast<int>(priors.size()); }
  int values() const { return count + inputs(); }

  /// sign(r) sqrt(loss): squared and added up by the solver.
  static double robust(double r) {
    const double z = r / kOutlier;
    return std::copysign(kOutlier * std::sqrt(2 * (std::sqrt(1 + z * z) - 1)), r);
  }

  int operator()(const Eigen::VectorXd& x, Eigen::VectorXd& out) const {
    std::vector<double> r(static_cast<std::size_t>(count));
    residuals({x.begin(), x.end()}, r);
    for (int i = 0; i < count; ++i) {
      const double e = r[static_cast<std::size_t>(i)] / noise;
      out[i] = std::isfinite(e) ? robust(e) : 1e3;
    }
    for (int i = 0; i < inputs(); ++i) {
      const Prior& p = priors[static_cast<std::size_t>(i)];
      out[count + i] = (x[i] - p.mean) / p.width;
    }
    return 0;
  }
};

}  // namespace

Fit least_squares(const std::vector<Prior>& priors, double noise,
                  const std::function<void(const std::vector<double>&, std::vector<double>&)>& residuals) {
  Problem problem{priors, noise, residuals};
  Eigen::VectorXd x(problem.inputs());
  for (int i = 0; i < problem.inputs(); ++i) x[i] = priors[static_cast<std::size_t>(i)].mean;
  std::vector<double> first;
  residuals({x.begin(), x.end()}, first);
  for (const double r : first)
    if (!std::isfinite(r)) throw InternalError("a fit starts from a residual that is not finite");
  problem.count = static_cast<int>(first.size());

  Eigen::NumericalDiff<Problem> differences(problem, 1e-8);
  Eigen::LevenbergMarquardt<Eigen::NumericalDiff<Problem>> solver(differences);
  solver.parameters.maxfev = 400 * (problem.inputs() + 1);
  solver.parameters.xtol = solver.parameters.ftol = 1e-8;
  solver.minimize(x);

  Eigen::MatrixXd jacobian(problem.values(), problem.inputs());
  differences.df(x, jacobian);
  const Eigen::MatrixXd covariance =
      (jacobian.transpose() * jacobian).ldlt().solve(Eigen::MatrixXd::Identity(problem.inputs(), problem.inputs()));
  Fit fit;
  fit.parameters.assign(x.begin(), x.end());
  std::vector<double> last(first.size());
  residuals(fit.parameters, last);
  double squares = 0;
  for (const double r : last) squares += r * r;
  fit.rms = last.empty() ? 0 : std::sqrt(squares / static_cast<double>(last.size()));
  for (int i = 0; i < problem.inputs(); ++i)
    fit.sigma.push_back(std::sqrt(std::max(0.0, covariance(i, i))) * std::max(1.0, fit.rms / noise));
  return fit;
}

}  // namespace tokenfab::calibration
