// Whether a run has settled: on systems whose law is known.
#include "sim/core/steady.h"

#include <cmath>

#include "base/rng.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

/// A queue with one server, exponential times: `n` arrivals at `load` of what it serves; the number inside, by bins.
SteadyJudgement judge_queue(double load, int n, std::uint64_t seed) {
  RandomStream random(seed, 0, StreamPurpose::jitter);
  const auto exponential = [&](double rate) { return -std::log(1 - random.uniform()) / rate; };
  Series s;
  double now = 0, next_arrival = exponential(load), next_end = 1e300, span = n / load;
  s.bin_ns = static_cast<Ns>(span / 300 * 1e9);
  int inside = 0, arrived = 0;
  const auto bin = [&](double t) -> SeriesBin& {
    const auto i = static_cast<std::size_t>(t * 1e9 / static_cast<double>(s.bin_ns));
    if (s.bins.size() <= i) s.bins.resize(i + 1);
    return s.bins[i];
  };
  while (arrived < n) {
    const double then = std::min(next_arrival, next_end);
    while (now < then) {
      const double edge =
          (std::floor(now * 1e9 / static_cast<double>(s.bin_ns)) + 1) * static_cast<double>(s.bin_ns) * 1e-9;
      const double to = std::min(then, std::max(edge, now + 1e-9));
      bin(now).running_ns += static_cast<Int128>(inside * (to - now) * 1e9);
      now = to;
    }
    if (next_arrival <= next_end) {
      ++inside, ++arrived;
      ++bin(now).arrived;
      next_arrival = now + exponential(load);
      if (inside == 1) next_end = now + exponential(1);
    } else {
      next_end = --inside > 0 ? now + exponential(1) : 1e300;
    }
  }
  return judge_steady(s, 0, static_cast<Ns>(now * 1e9));
}

int verdicts(double load, int n, Steadiness wanted) {
  int count = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) count += judge_queue(load, n, seed).verdict == wanted;
  return count;
}

}  // namespace

TEST_CASE("a queue below its limit settles, one above it grows, and few requests do not tell") {
  CHECK(verdicts(0.5, 30'000, Steadiness::steady) >= 19);
  CHECK(verdicts(0.8, 30'000, Steadiness::steady) >= 19);
  for (const double load : {1.05, 1.2, 2.0, 20.0}) {
    CAPTURE(load);
    CHECK(verdicts(load, 30'000, Steadiness::steady) == 0);
  }
  CHECK(verdicts(1.1, 30'000, Steadiness::growing) >= 19);
  CHECK(verdicts(1.2, 30'000, Steadiness::growing) >= 19);
  CHECK(verdicts(0.5, 30'000, Steadiness::growing) == 0);
  CHECK(verdicts(0.9, 30'000, Steadiness::growing) <= 1);
  Series few;
  few.bins.resize(kFewestBins - 1);
  CHECK(judge_steady(few, 0, few.bin_ns * 29).verdict == Steadiness::unknown);
}

TEST_CASE("the warm-up is cut off") {
  Series s;
  s.bins.resize(400);
  for (std::size_t i = 0; i < s.bins.size(); ++i) {
    s.bins[i].arrived = 100;
    s.bins[i].running_ns = static_cast<Int128>(s.bin_ns) * (i < 60 ? static_cast<int>(i) : 60);
  }
  const SteadyJudgement j = judge_steady(s, 0, s.bin_ns * 400);
  CHECK(j.verdict == Steadiness::steady);
  CHECK(j.warm_up_s == Approx(60).margin(1));
  CHECK(j.mean == Approx(60).epsilon(1e-9));
}
