#pragma once
#include <array>
#include <cstdint>

namespace tokenfab {

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11).
/// A pure function of (key, counter): no state to share between threads or ranks.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// One random stream per purpose: drawing more from one never shifts another.
enum class StreamPurpose : std::uint32_t {
  arrivals = 1,
  input_length = 2,
  output_length = 3,
  thinning = 4,
  jitter = 5,
  router = 6,
  workload_state = 7,
  speculation = 8,
  session_turns = 9,
  think_time = 10,
  images = 11,
  classes = 12,
  variants = 13,
  shared_prompt = 14,
  prediction = 15,
  spot = 20,
  pool_choice = 21,
  spot_price = 24,
  market_bids = 40,
};

/// A sequential view of one counter-based stream, keyed by (seed, replication, purpose).
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint32_t replication, StreamPurpose purpose, std::uint32_t sub = 0);

  std::uint64_t next_u64();
  /// Uniform in (0, 1): never 0 and never 1, so log() is always finite.
  double uniform();
  /// Exponential with mean 1.
  double exponential();
  /// Standard normal (inverse transform: one draw each, so streams stay aligned).
  double normal();
  /// Gamma with the given shape > 0 and scale 1 (Marsaglia and Tsang 2000; boosted below shape 1).
  double gamma(double shape);
  /// Uniform integer in [0, n), n > 0.
  std::uint64_t below(std::uint64_t n);

 private:
  void refill();

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint64_t, 2> buffer_{};
  int used_ = 2;
};

/// Inverse of the standard normal distribution function, 0 < p < 1 (Acklam's rational approximation
/// with one Halley step: full double precision).
double inverse_normal(double p);

}  // namespace tokenfab
