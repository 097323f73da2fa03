#include <cmath>

#include "sim/workload/generator.h"
#include "sim/workload/statistics.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

WorkloadStats run(const ArrivalSpec& arrivals, std::int64_t requests, std::uint64_t seed = 1) {
  GeneratorSpec s;
  s.arrivals = arrivals;
  s.max_requests = requests;
  s.seed = seed;
  return measure(*make_generator(s));
}

/// Counts in windows of `width_s` over `duration_s`.
std::vector<double> window_counts(const ArrivalSpec& arrivals, double duration_s, double width_s, std::uint64_t seed) {
  GeneratorSpec s;
  s.arrivals = arrivals;
  s.duration_s = duration_s;
  s.seed = seed;
  std::vector<double> counts(static_cast<std::size_t>(std::llround(duration_s / width_s)));
  const auto source = make_generator(s);
  RequestBatch batch;
  for (source->read(batch, 4096); !batch.requests.empty(); source->read(batch, 4096))
    for (const auto& r : batch.requests) counts[static_cast<std::size_t>(seconds_from_ns(r.arrival) / width_s)] += 1;
  return counts;
}

double mean(const std::vector<double>& x) {
  double sum = 0;
  for (double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

double dispersion(const std::vector<double>& x) {
  const double m = mean(x);
  double sum = 0;
  for (double v : x) sum += (v - m) * (v - m);
  return sum / static_cast<double>(x.size()) / m;
}

}  // namespace

TEST_CASE("Poisson arrivals: rate, CV 1 and index of dispersion 1 at every scale") {
  ArrivalSpec a;
  a.rate = 20;
  const std::int64_t n = 400'000;
  const auto s = run(a, n);
  const double root = std::sqrt(static_cast<double>(n)), bins = s.span_s;
  CHECK(std::abs(s.rate / a.rate - 1) < 4 / root);
  CHECK(std::abs(s.gap_cv - 1) < 4 / root);
  CHECK(std::abs(s.dispersion_1s - 1) < 4 * std::sqrt(2 / bins));
  CHECK(std::abs(s.dispersion_10s - 1) < 4 * std::sqrt(20 / bins));
  CHECK(std::abs(s.dispersion_60s - 1) < 4 * std::sqrt(120 / bins));
  CHECK(std::abs(s.minute_autocorrelation) < 4 * std::sqrt(60 / bins));
}

TEST_CASE("Gamma and Weibull renewals have the rate and CV asked for; CV squared is their long-run dispersion") {
  for (const GapLaw law : {GapLaw::gamma, GapLaw::weibull})
    for (const double cv : {0.5, 1.0, 2.0}) {
      ArrivalSpec a;
      a.law = law;
      a.cv = cv;
      a.rate = 50;
      const std::int64_t n = 500'000;
      const auto s = run(a, n);
      INFO("law " << static_cast<int>(law) << " cv " << cv);
      const double root = std::sqrt(static_cast<double>(n));
      CHECK(std::abs(s.rate / a.rate - 1) < 4 * cv / root);
      CHECK(std::abs(s.gap_cv / cv - 1) < 15 * std::max(1.0, cv) / root);  // sd of a CV grows with the kurtosis
      CHECK(s.dispersion_10s == Approx(cv * cv).epsilon(0.20));
    }
}

TEST_CASE("A Weibull shape gives back its coefficient of variation") {
  CHECK(weibull_shape(1.0) == Approx(1.0).epsilon(1e-9));
  CHECK(weibull_shape(std::sqrt(5.0)) == Approx(0.5).epsilon(1e-9));           // cv^2 = 24/4 - 1
  CHECK(weibull_shape(std::sqrt(4 / M_PI - 1)) == Approx(2.0).epsilon(1e-9));  // Rayleigh
}

TEST_CASE("The stationary distribution solves its balance equations") {
  MarkovModulation binned{{0, 0, 0}, {{.9, .1, 0}, {.05, .9, .05}, {0, .2, .8}}, 1, {}};
  const auto p = stationary_distribution(binned);
  CHECK(p[0] + p[1] + p[2] == Approx(1));
  CHECK(p[0] * .1 == Approx(p[1] * .05));  // detailed balance of a birth-death chain
  CHECK(p[1] * .05 == Approx(p[2] * .2));
  const auto q = stationary_distribution({{1, 2}, {{0, 1}, {1, 0}}, 0, {30, 10}});
  CHECK(q[0] == Approx(0.75));
  const auto periodic = stationary_distribution({{1, 2}, {{0, 1}, {1, 0}}, 1, {}});
  CHECK(periodic[0] == Approx(0.5));
}

TEST_CASE("MMPP in continuous time: rate and index of dispersion of two states (Heffes and Lucantoni 1986)") {
  const double r0 = 5, r1 = 45, stay0 = 3, stay1 = 2;
  ArrivalSpec a;
  a.markov = MarkovModulation{{r0, r1}, {{0, 1}, {1, 0}}, 0, {stay0, stay1}};
  const double p0 = stay0 / (stay0 + stay1), rate = p0 * r0 + (1 - p0) * r1, k = 1 / stay0 + 1 / stay1;
  CHECK(mean_rate(a) == Approx(rate));
  const double duration = 40'000;
  // Var N(t) / E N(t) = 1 + 2 v / (rate k) x (1 - (1 - exp(-k t)) / (k t)), v the variance of the rate.
  const double v = p0 * (1 - p0) * (r1 - r0) * (r1 - r0);
  for (const double width : {1.0, 10.0}) {
    const auto counts = window_counts(a, duration, width, 3);
    const double kt = k * width, expected = 1 + 2 * v / (rate * k) * (1 - (1 - std::exp(-kt)) / kt);
    const double rate_sd = std::sqrt(rate * (1 + 2 * v / (rate * k)) / duration);
    CHECK(std::abs(mean(counts) / width - rate) < 4 * rate_sd);
    // Effective sample size: the counts correlate over about 1/k seconds.
    CHECK(dispersion(counts) == Approx(expected).epsilon(4 * std::sqrt(2 * std::max(width, 2 / k) / duration)));
  }
}

TEST_CASE("MMPP with state changes at bin edges: the share of time in a state and the rate") {
  ArrivalSpec a;
  a.rate = 2;
  a.markov = MarkovModulation{{0, 10}, {{.75, .25}, {.5, .5}}, 5, {}};
  CHECK(mean_rate(a) == Approx(2 * 10 / 3.0));
  const double duration = 200'000;
  const auto counts = window_counts(a, duration, 5, 11);
  double empty = 0;
  for (double c : counts) empty += c == 0;
  const double n = static_cast<double>(counts.size()), p = 2 / 3.0;
  const double lag = .25;  // second eigenvalue: correlation of neighbouring bins
  const double sd = std::sqrt(p * (1 - p) / n * (1 + lag) / (1 - lag));
  CHECK(std::abs(empty / n - p) < 4 * sd);  // e^-100 of the busy bins are empty by chance
  CHECK(std::abs(mean(counts) / 5 / mean_rate(a) - 1) < 4 * sd / (1 - p) + 4 / std::sqrt(mean(counts) * n));
}

TEST_CASE("A daily profile: each hour's share, the whole day's integral, exact zero hours, the next day alike") {
  ArrivalSpec a;
  a.rate = 3;
  for (int h = 0; h < 24; ++h) a.profile.push_back(h < 6 ? 0.0 : 1 + std::sin(h));
  const double days = 20;
  const auto counts = window_counts(a, days * 86400, 3600, 5);
  double factors = 0;
  for (double f : a.profile) factors += f;
  CHECK(mean_rate(a) == Approx(3 * factors / 24));
  const double expected = days * 3600 * 3 * factors;
  CHECK(std::abs(mean(counts) * static_cast<double>(counts.size()) - expected) < 4 * std::sqrt(expected));
  for (std::size_t h = 0; h < 24; ++h) {
    double sum = 0;
    for (std::size_t i = h; i < counts.size(); i += 24) sum += counts[i];
    const double hour = days * 3600 * 3 * a.profile[h];
    CHECK(std::abs(sum - hour) <= 4.5 * std::sqrt(hour));
  }
}

TEST_CASE("Operational time: gamma gaps under a profile keep the profile's rate and their own dispersion") {
  ArrivalSpec a;
  a.law = GapLaw::gamma;
  a.cv = 2;
  a.rate = 100;
  a.profile = {1.5, 0.5};
  a.profile_window_s = 1000;
  const auto counts = window_counts(a, 40'000, 1000, 9);
  double high = 0, low = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) (i % 2 ? low : high) += counts[i];
  CHECK(std::abs(high / 3e6 - 1) < 4 * 2 / std::sqrt(3e6));
  CHECK(std::abs(low / 1e6 - 1) < 4 * 2 / std::sqrt(1e6));
}
