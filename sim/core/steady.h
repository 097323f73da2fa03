#pragma once
#include "sim/core/records.h"

namespace tokenfab {

/// Whether the number of requests in the system (waiting and running) had settled while requests came.
struct SteadyJudgement {
  Steadiness verdict = Steadiness::unknown;
  double warm_up_s = 0;  // cut off the front, from `first`
  double mean = 0;       // requests in the system after it
};

/// By the bins of `series` that lie between the first and the last arrival. The warm-up that MSER finds (White 1997:
/// the cut that minimises the variance of the mean of what is left, at most half) is dropped; the rest is cut in
/// thirds. growing: each third holds more than the one before, and the last more than the first by over a quarter of
/// the mean and three times the noise that arrivals and departures as random as Poisson's leave after so many requests.
/// steady: by at most once that noise, or a twentieth of the mean. Else, with fewer than kFewestBins bins, and with
/// fewer than kResidences requests that came for each that was in the system, unknown.
SteadyJudgement judge_steady(const Series& series, Ns first, Ns last);
inline constexpr std::size_t kFewestBins = 30;
inline constexpr double kResidences = 2;

}  // namespace tokenfab
