#pragma once
#include <deque>
#include <functional>
#include <vector>

#include "base/time.h"
#include "sim/fleet/fleet_spec.h"

namespace tokenfab {

/// Holt's linear trend (1957): level and slope of a series sampled at equal steps, exponentially smoothed.
class HoltTrend {
 public:
  static constexpr double kLevel = 0.5, kSlope = 0.1;
  void add(double value);
  /// `steps` after the latest sample; not below 0.
  double ahead(double steps) const;

 private:
  bool any_ = false;
  double level_ = 0, slope_ = 0;
};

/// Decides how many replicas a pool should have.
///
/// The demand of an instant is what its signal says. A policy that looks ahead takes the larger of the present demand
/// and the one at the end of a cold start (and `lead_s`), so it never has fewer replicas in mind than a reactive one,
/// and the same with nothing to look ahead to. The demand ahead is the present one times the growth of the arrival
/// rate: by forecast, or by the arrivals to come.
class PoolScaler {
 public:
  explicit PoolScaler(const ScalingSpec& spec);

  /// A request came to the gateway that is this pool's to serve. Times never decrease.
  void arrived(Ns now) { arrivals_.push_back(now); }

  /// Arrivals in (from, to], the future's too: of an oracle.
  using Arrivals = std::function<std::int64_t(Ns from, Ns to)>;
  /// Replicas wanted; called every interval_s from time 0 on. `outstanding`: requests in the pool and waiting for it.
  int wanted(Ns now, std::int64_t outstanding, const Arrivals& arrivals);

  const ScalingSpec& spec() const { return spec_; }

 private:
  double rate(Ns now);
  double rate_ahead(Ns now, double present, const Arrivals& arrivals);
  double forecast(double present);
  double known(Ns now, const Arrivals& arrivals) const;
  int scheduled(Ns now) const;
  int settle(Ns now, int want);

  ScalingSpec spec_;
  Ns window_, look_;  // look_: how far ahead
  std::deque<Ns> arrivals_;
  HoltTrend trend_;
  std::vector<double> rates_;  // one per interval
  struct Want {
    Ns time;
    int replicas;
  };
  std::deque<Want> wants_;  // of the last cooldown_s, in falling order
};

}  // namespace tokenfab
