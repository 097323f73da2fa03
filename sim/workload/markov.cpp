#include "sim/workload/markov.h"

#include <Eigen/Dense>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

[[noreturn]] void fail(const std::string& why) { throw UserError("arrivals: markov: " + why); }

void check(const MarkovModulation& m) {
  const std::size_t n = m.factors.size();
  if (n < 1 || n > 64) fail(std::to_string(n) + " states; 1 to 64 are allowed");
  for (double f : m.factors)
    if (!(f >= 0 && f <= 1e9)) fail("a state's factor is " + shortest(f) + "; it must be in 0..1e9");
  if (!(m.bin_s >= 0 && m.bin_s <= 1e9)) fail("bin_s is " + shortest(m.bin_s) + "; it must be in 0..1e9");
  if (m.bin_s > 0 && m.bin_s < 1e-6) fail("bin_s is " + shortest(m.bin_s) + "; at least 1e-6 is needed");
  if (m.transition.size() != n)
    fail(std::to_string(m.transition.size()) + " transition rows for " + std::to_string(n) + " states");
  for (std::size_t i = 0; i < n; ++i) {
    if (m.transition[i].size() != n) fail("transition row " + std::to_string(i) + " does not have one entry per state");
    double sum = 0;
    for (double p : m.transition[i]) {
      if (!(p >= 0 && p <= 1)) fail("a transition probability is " + shortest(p));
      sum += p;
    }
    if (std::abs(sum - 1) > 1e-3) fail("transition row " + std::to_string(i) + " sums to " + shortest(sum) + ", not 1");
    if (m.bin_s == 0 && n > 1 && m.transition[i][i] != 0)
      fail("state " + std::to_string(i) + " jumps to itself; in continuous time the diagonal is 0 (see dwell_s)");
  }
  if (m.bin_s > 0) return;
  if (m.dwell_s.size() != n) fail("dwell_s needs one mean stay per state where bin_s is 0");
  for (double d : m.dwell_s)
    if (!(d >= 1e-6 && d <= 1e9)) fail("a mean stay is " + shortest(d) + " s; it must be in 1e-6..1e9");
}

/// Every state can be reached from every other one.
bool irreducible(const MarkovModulation& m) {
  const auto n = static_cast<Eigen::Index>(m.factors.size());
  Eigen::MatrixXd reach = Eigen::MatrixXd::Identity(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j)
      if (m.transition[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] > 0) reach(i, j) = 1;
  for (Eigen::Index length = 1; length < n; length *= 2) reach = (reach * reach).cwiseMin(1.0).eval();
  return (reach.array() > 0).all();
}

}  // namespace

std::vector<double> stationary_distribution(const MarkovModulation& m) {
  check(m);
  if (!irreducible(m)) fail("some state cannot be reached from another one, so there is no long-run rate");
  const auto n = static_cast<Eigen::Index>(m.factors.size());
  Eigen::MatrixXd a(n + 1, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j)
      a(j, i) = m.transition[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] - (i == j ? 1.0 : 0.0);
  if (n == 1 && m.bin_s == 0) a(0, 0) = 0;
  a.row(n).setOnes();
  Eigen::VectorXd b = Eigen::VectorXd::Zero(n + 1);
  b(n) = 1;
  const Eigen::VectorXd pi = a.colPivHouseholderQr().solve(b);
  std::vector<double> share(m.factors.size());
  double sum = 0;
  for (std::size_t i = 0; i < share.size(); ++i) {
    share[i] = std::max(0.0, pi(static_cast<Eigen::Index>(i))) * (m.bin_s > 0 ? 1.0 : m.dwell_s[i]);
    sum += share[i];
  }
  for (double& s : share) s /= sum;
  return share;
}

MarkovPath::MarkovPath(const MarkovModulation& markov, std::uint64_t seed, std::uint32_t replication)
    : markov_(markov), random_(seed, replication, StreamPurpose::workload_state) {
  choose(stationary_distribution(markov_));
  stay();
}

void MarkovPath::choose(const std::vector<double>& weights) {
  double u = random_.uniform();
  for (state_ = 0; state_ + 1 < weights.size(); ++state_) {
    u -= weights[state_];
    if (u < 0) return;
  }
}

void MarkovPath::stay() {
  const double seconds = markov_.bin_s > 0 ? markov_.bin_s : markov_.dwell_s[state_] * random_.exponential();
  end_ += std::max<Ns>(1, ns_from_seconds(std::min(seconds, 9e8)));
}

void MarkovPath::advance() {
  choose(markov_.transition[state_]);
  stay();
}

}  // namespace tokenfab
