#pragma once
#include <array>
#include <optional>
#include <vector>

#include "sim/core/market_record.h"

namespace tokenfab::market {

/// Interpolation that never leaves the range of two neighbouring points (Steffen, "A simple method for monotonic
/// interpolation in one dimension", Astron. Astrophys. 239, 1990): no overshoot between them.
class MonotoneCurve {
 public:
  /// x strictly increasing, at least one point.
  MonotoneCurve(std::vector<double> x, std::vector<double> y);
  /// x[0] <= at <= x.back()
  double at(double x) const;

 private:
  std::vector<double> x_, y_, slope_;
};

/// What a replica does at any load up to the highest that meets the SLO; beyond it there is no answer.
class ServiceCurve {
 public:
  ServiceCurve() = default;  // no points: to be assigned
  /// Points by strictly increasing tokens_s, the first at 0, at least two. Errors: InternalError.
  explicit ServiceCurve(std::vector<ServicePoint> points);

  double capacity() const { return points_.back().tokens_s; }  // tokens/s within the SLO
  /// Empty beyond the last point: saturated.
  std::optional<ServicePoint> at(double tokens_s) const;
  /// USD per million tokens of a replica at full capacity: what one more full replica adds.
  double full_cost() const;
  /// USD per million tokens that load adds to a replica that is paid for anyway: the mean slope of usd_h.
  double running_cost() const;
  const std::vector<ServicePoint>& points() const { return points_; }

 private:
  std::vector<ServicePoint> points_;
  std::vector<MonotoneCurve> curves_;  // one per member of ServicePoint but tokens_s
};

}  // namespace tokenfab::market
