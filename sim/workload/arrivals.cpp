#include "sim/workload/arrivals.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "sim/workload/markov.h"

namespace tokenfab {
namespace {

/// Gaps with mean 1.
class Gaps {
 public:
  Gaps(const ArrivalSpec& spec, std::uint64_t seed, std::uint32_t replication)
      : law_(spec.law), random_(seed, replication, StreamPurpose::arrivals) {
    if (law_ == GapLaw::gamma) {
      shape_ = spec.shape > 0 ? spec.shape : 1.0 / (spec.cv * spec.cv);
      scale_ = 1.0 / shape_;
    } else if (law_ == GapLaw::weibull) {
      shape_ = 1.0 / (spec.shape > 0 ? spec.shape : weibull_shape(spec.cv));
      scale_ = 1.0 / std::tgamma(1.0 + shape_);
    }
  }
  double next() {
    switch (law_) {
      case GapLaw::exponential:
        return random_.exponential();
      case GapLaw::gamma:
        return scale_ * random_.gamma(shape_);
      case GapLaw::weibull:
        return scale_ * std::pow(random_.exponential(), shape_);
      case GapLaw::fixed:
        return 1.0;
    }
    return 1.0;
  }

 private:
  GapLaw law_;
  RandomStream random_;
  double shape_ = 1, scale_ = 1;
};

/// Whole nanoseconds in an integer and the rest in `carry_`: no drift however many gaps are added.
class ConstantRate final : public ArrivalProcess {
 public:
  ConstantRate(Gaps gaps, double rate, Ns horizon) : gaps_(gaps), gap_ns_(1e9 / rate), horizon_(horizon) {}
  std::size_t fill(std::span<Ns> out) override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      carry_ += gap_ns_ * gaps_.next();
      if (!(carry_ < 4e18)) now_ = horizon_;
      if (now_ >= horizon_) return i;
      const auto whole = static_cast<Ns>(carry_);
      carry_ -= static_cast<double>(whole);
      now_ += whole;
      if (now_ >= horizon_) return i;
      out[i] = now_;
    }
    return out.size();
  }

 private:
  Gaps gaps_;
  double gap_ns_;
  Ns horizon_, now_ = 0;
  double carry_ = 0;
};

/// The rate as a step function of time: profile windows cut by the Markov path's changes.
class Timeline {
 public:
  Timeline(const ArrivalSpec& spec, std::uint64_t seed, std::uint32_t replication)
      : rate_(spec.rate * 1e-9), profile_(spec.profile) {
    if (profile_.empty()) profile_end_ = kNever;
    else profile_end_ = window_ = ns_from_seconds(spec.profile_window_s);
    if (spec.markov) path_.emplace(*spec.markov, seed, replication);
  }
  Ns begin() const { return begin_; }
  Ns end() const { return path_ ? std::min(profile_end_, path_->end()) : profile_end_; }
  double per_ns() const { return rate_ * (profile_.empty() ? 1 : profile_[at_]) * (path_ ? path_->factor() : 1); }
  void advance() {
    begin_ = end();
    if (begin_ == profile_end_) {
      profile_end_ += window_;
      at_ = (at_ + 1) % profile_.size();
    }
    if (path_ && begin_ == path_->end()) path_->advance();
  }

 private:
  double rate_;
  std::vector<double> profile_;
  Ns window_ = 0, profile_end_ = 0, begin_ = 0;
  std::size_t at_ = 0;
  std::optional<MarkovPath> path_;
};

/// Exact inversion: a gap in operational time is spent segment by segment.
class VaryingRate final : public ArrivalProcess {
 public:
  VaryingRate(Gaps gaps, Timeline timeline, Ns horizon)
      : gaps_(gaps), timeline_(std::move(timeline)), horizon_(horizon) {
    enter();
  }
  std::size_t fill(std::span<Ns> out) override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      double need = gaps_.next();
      for (double room; need >= (room = (length_ - offset_) * per_ns_); enter()) {
        need -= room;
        timeline_.advance();
        if (timeline_.begin() >= horizon_) return i;
      }
      offset_ = std::min(length_, offset_ + need / per_ns_);
      out[i] = timeline_.begin() + static_cast<Ns>(offset_);
      if (out[i] >= horizon_) return i;
    }
    return out.size();
  }

 private:
  void enter() {
    offset_ = 0;
    length_ = static_cast<double>(timeline_.end() - timeline_.begin());
    per_ns_ = timeline_.per_ns();
  }

  Gaps gaps_;
  Timeline timeline_;
  Ns horizon_;
  double offset_ = 0, length_ = 0, per_ns_ = 0;
};

class AllAtOnce final : public ArrivalProcess {
 public:
  std::size_t fill(std::span<Ns> out) override {
    std::fill(out.begin(), out.end(), Ns{0});
    return out.size();
  }
};

void check(const ArrivalSpec& s) {
  if (!(s.rate >= 1e-9 && s.rate <= 1e9))
    throw UserError("arrivals: rate is " + shortest(s.rate) + " requests/s; it must be in 1e-9..1e9");
  if (s.law == GapLaw::gamma || s.law == GapLaw::weibull) {
    if (s.shape != 0 && !(s.shape >= 1e-4 && s.shape <= 1e4))
      throw UserError("arrivals: shape is " + shortest(s.shape) + "; it must be in 1e-4..1e4, or 0 with a cv");
    if (s.shape == 0 && !(s.cv >= 0.05 && s.cv <= 50))
      throw UserError("arrivals: cv is " + shortest(s.cv) + "; it must be in 0.05..50");
  }
  if (s.profile.empty()) return;
  if (!(s.profile_window_s >= 1e-3 && s.profile_window_s <= 1e8))
    throw UserError("arrivals: profile window is " + shortest(s.profile_window_s) + " s; it must be in 1e-3..1e8");
  double sum = 0;
  for (double f : s.profile) {
    if (!(f >= 0 && f <= 1e9))
      throw UserError("arrivals: a profile factor is " + shortest(f) + "; it must be in 0..1e9");
    sum += f;
  }
  if (!(sum > 0)) throw UserError("arrivals: every profile factor is 0; nothing would ever arrive");
}

/// How long the rate stays the same, at the shortest.
double shortest_stay_s(const ArrivalSpec& s) {
  double stay = s.profile.empty() ? 1e9 : s.profile_window_s;
  if (s.markov && s.markov->bin_s > 0) stay = std::min(stay, s.markov->bin_s);
  else if (s.markov) stay = std::min(stay, *std::min_element(s.markov->dwell_s.begin(), s.markov->dwell_s.end()));
  return stay;
}

}  // namespace

double weibull_shape(double cv) {
  const auto cv_of = [](double k) {
    const double first = std::lgamma(1.0 + 1.0 / k), second = std::lgamma(1.0 + 2.0 / k);
    return std::sqrt(std::expm1(second - 2.0 * first));
  };
  double low = 0.05, high = 200;  // cv falls as the shape grows
  for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
    const double middle = std::sqrt(low * high);
    (cv_of(middle) > cv ? low : high) = middle;
  }
  return std::sqrt(low * high);
}

double mean_rate(const ArrivalSpec& s) {
  check(s);
  double rate = s.rate;
  if (!s.profile.empty()) {
    double sum = 0;
    for (double f : s.profile) sum += f;
    rate *= sum / static_cast<double>(s.profile.size());
  }
  if (s.markov) {
    const auto share = stationary_distribution(*s.markov);
    double factor = 0;
    for (std::size_t i = 0; i < share.size(); ++i) factor += share[i] * s.markov->factors[i];
    rate *= factor;
  }
  return rate;
}

std::unique_ptr<ArrivalProcess> make_arrivals(const ArrivalSpec& spec, Ns horizon, std::uint64_t seed,
                                              std::uint32_t replication) {
  if (spec.all_at_once) return std::make_unique<AllAtOnce>();
  const double rate = mean_rate(spec);
  if (!(rate > 0)) throw UserError("arrivals: the long-run rate is 0; nothing would ever arrive");
  if (rate * shortest_stay_s(spec) < 1e-7)
    throw UserError("arrivals: the rate changes more than 1e7 times per request at " + shortest(rate) +
                    " requests/s; take longer windows or a higher rate");
  Gaps gaps(spec, seed, replication);
  if (spec.profile.empty() && !spec.markov) return std::make_unique<ConstantRate>(gaps, spec.rate, horizon);
  return std::make_unique<VaryingRate>(gaps, Timeline(spec, seed, replication), horizon);
}

}  // namespace tokenfab
