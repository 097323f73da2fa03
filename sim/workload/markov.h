#pragma once
#include "base/rng.h"
#include "sim/workload/arrivals.h"

namespace tokenfab {

/// The states of a Markov modulation over time, from the stationary distribution on.
class MarkovPath {
 public:
  MarkovPath(const MarkovModulation& markov, std::uint64_t seed, std::uint32_t replication);
  double factor() const { return markov_.factors[state_]; }
  Ns end() const { return end_; }  // of the present state's stay, a bin edge where binned
  void advance();

 private:
  void choose(const std::vector<double>& weights);
  void stay();

  MarkovModulation markov_;
  RandomStream random_;
  std::size_t state_ = 0;
  Ns end_ = 0;
};

}  // namespace tokenfab
