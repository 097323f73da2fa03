#include "sim/fleet/pool_scaler.h"

#include <algorithm>
#include <cmath>

namespace tokenfab {

void HoltTrend::add(double value) {
  if (!any_) {
    any_ = true;
    level_ = value;
    return;
  }
  const double before = level_;
  level_ = kLevel * value + (1 - kLevel) * (level_ + slope_);
  slope_ = kSlope * (level_ - before) + (1 - kSlope) * slope_;
}

double HoltTrend::ahead(double steps) const { return std::max(0.0, level_ + slope_ * steps); }

PoolScaler::PoolScaler(const ScalingSpec& spec)
    : spec_(spec), window_(ns_from_seconds(spec.window_s)), look_(ns_from_seconds(spec.cold_start_s + spec.lead_s)) {}

/// Requests a second over the last window, or since the start.
double PoolScaler::rate(Ns now) {
  while (!arrivals_.empty() && arrivals_.front() <= now - window_) arrivals_.pop_front();
  const Ns span = std::min(window_, now);
  return span > 0 ? static_cast<double>(arrivals_.size()) / seconds_from_ns(span) : 0;
}

double PoolScaler::forecast(double present) {
  trend_.add(present);
  rates_.push_back(present);
  const double steps = seconds_from_ns(look_) / spec_.interval_s;
  const double season = spec_.season_s / spec_.interval_s;
  const double then = static_cast<double>(rates_.size()) - season;  // one past this time of the season before
  if (spec_.season_s <= 0 || then < 1) return trend_.ahead(steps);
  const auto from = static_cast<std::size_t>(then);
  const std::size_t to = std::min(rates_.size(), from + static_cast<std::size_t>(std::ceil(steps)) + 1);
  return *std::max_element(rates_.begin() + static_cast<std::ptrdiff_t>(from) - 1,
                           rates_.begin() + static_cast<std::ptrdiff_t>(to));
}

/// The highest rate of the windows that end by the end of the look ahead.
double PoolScaler::known(Ns now, const Arrivals& arrivals) const {
  double most = 0;
  const Ns step = ns_from_seconds(spec_.interval_s);
  for (Ns at = now; at < now + look_;) {
    at = std::min(at + step, now + look_);
    const Ns span = std::min(window_, at);
    most = std::max(most, static_cast<double>(arrivals(at - span, at)) / seconds_from_ns(span));
  }
  return most;
}

double PoolScaler::rate_ahead(Ns now, double present, const Arrivals& arrivals) {
  if (look_ == 0) return present;
  if (spec_.policy == ScalingPolicy::predictive) return std::max(present, forecast(present));
  if (spec_.policy == ScalingPolicy::oracle) return std::max(present, known(now, arrivals));
  return present;
}

int PoolScaler::scheduled(Ns now) const {
  const auto at = [&](Ns time) {
    const double second = std::fmod(seconds_from_ns(time), spec_.period_s);
    int out = spec_.schedule.back().replicas;
    for (const ScheduledReplicas& s : spec_.schedule)
      if (s.at_s <= second) out = s.replicas;
    return out;
  };
  return std::max(at(now), at(now + look_));
}

/// Fewer replicas only where no more were wanted for the whole cooldown.
int PoolScaler::settle(Ns now, int want) {
  const Ns cooldown = ns_from_seconds(spec_.cooldown_s);
  while (!wants_.empty() && wants_.back().replicas <= want) wants_.pop_back();
  wants_.push_back({now, want});
  while (wants_.front().time <= now - cooldown && wants_.size() > 1) wants_.pop_front();
  return wants_.front().replicas;
}

int PoolScaler::wanted(Ns now, std::int64_t outstanding, const Arrivals& arrivals) {
  if (spec_.policy == ScalingPolicy::scheduled) return std::clamp(scheduled(now), spec_.min, spec_.max);
  const double present = rate(now), ahead = rate_ahead(now, present, arrivals);
  double demand = ahead;
  if (spec_.signal == ScalingSignal::outstanding)
    demand = static_cast<double>(outstanding) * (present > 0 ? ahead / present : 1);
  const double replicas = std::min(std::ceil(demand / spec_.target - 1e-9), static_cast<double>(spec_.max));
  return settle(now, std::clamp(static_cast<int>(replicas), spec_.min, spec_.max));
}

}  // namespace tokenfab
