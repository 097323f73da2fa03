#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"

namespace tokenfab {

/// Law of the gaps between requests, in operational time (a mean of 1).
enum class GapLaw { exponential, gamma, weibull, fixed };

/// A Markov chain of rate factors. With bin_s > 0 the state may change at multiples of bin_s only (the form that
/// EM fits on binned counts give); with bin_s = 0 it changes in continuous time.
struct MarkovModulation {
  std::vector<double> factors;                  // of ArrivalSpec::rate, per state, >= 0
  std::vector<std::vector<double>> transition;  // rows sum to 1; the jump chain (zero diagonal) where bin_s = 0
  double bin_s = 0;
  std::vector<double> dwell_s;  // mean stay per state, only where bin_s = 0
};

/// rate(t) = rate x profile(t) x factor of the Markov state; the gaps are drawn in operational time, the integral of
/// rate(t). Exponential gaps give (Markov-modulated, non-homogeneous) Poisson arrivals, the other laws renewal ones.
/// The first request comes one gap after t = 0.
struct ArrivalSpec {
  bool all_at_once = false;  // every request at t = 0; nothing below is used
  GapLaw law = GapLaw::exponential;
  double cv = 1;                   // of the gaps, gamma and weibull
  double shape = 0;                // of gamma and weibull; 0 = from cv
  double rate = 1;                 // requests/s
  std::vector<double> profile;     // factors per window, repeated for ever; empty = 1
  double profile_window_s = 3600;  // 24 hourly factors make a day
  std::optional<MarkovModulation> markov;
};

/// Arrival instants, never decreasing. Single pass.
class ArrivalProcess {
 public:
  virtual ~ArrivalProcess() = default;
  /// Fills `out` from the front; returns how many were written, fewer than asked once the horizon is passed.
  virtual std::size_t fill(std::span<Ns> out) = 0;
};

/// Errors: UserError naming the field, its value and what is allowed.
std::unique_ptr<ArrivalProcess> make_arrivals(const ArrivalSpec& spec, Ns horizon, std::uint64_t seed,
                                              std::uint32_t replication);

/// Share of time in each state. Errors: UserError where the chain is not irreducible or not stochastic.
std::vector<double> stationary_distribution(const MarkovModulation& markov);

/// Long-run requests per second.
double mean_rate(const ArrivalSpec& spec);

/// Shape of a Weibull law with this coefficient of variation (0.05 <= cv <= 50).
double weibull_shape(double cv);

}  // namespace tokenfab
