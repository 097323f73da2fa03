#include <algorithm>
#include <cmath>

#include "sim/workload/generator.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

constexpr int kDraws = 400'000;

std::vector<Request> draw(const LengthSpec& input, const LengthSpec& output, double correlation = 0) {
  GeneratorSpec s;
  s.input = input;
  s.output = output;
  s.in_out_correlation = correlation;
  s.max_requests = kDraws;
  std::vector<Request> all;
  const auto source = make_generator(s);
  RequestBatch batch;
  for (source->read(batch, 4096); !batch.requests.empty(); source->read(batch, 4096))
    all.insert(all.end(), batch.requests.begin(), batch.requests.end());
  return all;
}

struct Sample {
  double mean = 0, sd = 0;
  int min = 0, max = 0;
};

Sample inputs(const LengthSpec& spec) {
  const auto all = draw(spec, FixedLength{1});
  double sum = 0, squares = 0;
  Sample s{0, 0, all[0].input_tokens, all[0].input_tokens};
  for (const auto& r : all) {
    sum += r.input_tokens;
    squares += static_cast<double>(r.input_tokens) * r.input_tokens;
    s.min = std::min(s.min, r.input_tokens);
    s.max = std::max(s.max, r.input_tokens);
  }
  s.mean = sum / kDraws;
  s.sd = std::sqrt(squares / kDraws - s.mean * s.mean);
  return s;
}

/// Four standard errors of a mean.
double error(const Sample& s) { return 4 * s.sd / std::sqrt(static_cast<double>(kDraws)); }

double rank_correlation(std::vector<Request> all) {
  std::vector<double> rank_in(all.size()), rank_out(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i].id = static_cast<std::int64_t>(i);
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.input_tokens < b.input_tokens; });
  for (std::size_t i = 0; i < all.size(); ++i) rank_in[static_cast<std::size_t>(all[i].id)] = static_cast<double>(i);
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.output_tokens < b.output_tokens; });
  for (std::size_t i = 0; i < all.size(); ++i) rank_out[static_cast<std::size_t>(all[i].id)] = static_cast<double>(i);
  const auto n = static_cast<double>(all.size());
  double product = 0;
  for (std::size_t i = 0; i < all.size(); ++i) product += (rank_in[i] - n / 2) * (rank_out[i] - n / 2);
  return product / (n * n * n / 12);
}

}  // namespace

TEST_CASE("Uniform and geometric lengths: mean, spread, ends") {
  const auto u = inputs(UniformLength{10, 19});
  CHECK(std::abs(u.mean - 14.5) < error(u));
  CHECK(u.min == 10);
  CHECK(u.max == 19);
  CHECK(u.sd == Approx(std::sqrt(99.0 / 12)).epsilon(0.01));
  const auto g = inputs(GeometricLength{40});
  CHECK(std::abs(g.mean - 40) < error(g));
  CHECK(g.sd == Approx(std::sqrt(40.0 * 39)).epsilon(0.02));
  CHECK(g.min == 1);
}

TEST_CASE("Zipf lengths follow their probabilities") {
  const int high = 50;
  double norm = 0, first = 0;
  for (int n = 5; n <= high; ++n) norm += std::pow(n, -1.2), first += n * std::pow(n, -1.2);
  const auto s = inputs(ZipfLength{5, high, 1.2});
  CHECK(std::abs(s.mean - first / norm) < error(s));
  CHECK(s.min == 5);
  CHECK(s.max == high);
}

TEST_CASE("Quantile lengths: mean of the piecewise-linear law, and a spike keeps its probability") {
  const QuantileLength q{{{0, 10}, {0.2, 100}, {0.5, 100}, {0.9, 300}, {1, 1000}}};
  const double expected = 0.2 * 55 + 0.3 * 100 + 0.4 * 200 + 0.1 * 650;
  const auto s = inputs(q);
  CHECK(std::abs(s.mean - expected) < error(s));
  CHECK(mean_length(q) == Approx(expected).epsilon(1e-4));
  int spike = 0;
  for (const auto& r : draw(q, FixedLength{1})) spike += r.input_tokens == 100;
  const double p = 0.3 + 0.2 * 0.5 / 90 + 0.4 * 0.5 / 200;  // half a token on each side rounds to it
  CHECK(std::abs(spike / double(kDraws) - p) < 4 * std::sqrt(p * (1 - p) / kDraws));
}

TEST_CASE("Lognormal mixtures: mean of the uncapped law, the caps as spikes, quantiles that invert it") {
  const LognormalLength wide{{.3, .7}, {5, 7}, {.5, .4}, 1, kMaxTokens};
  const double expected = .3 * std::exp(5 + .125) + .7 * std::exp(7 + .08);
  const auto s = inputs(wide);
  CHECK(std::abs(s.mean - expected) < error(s));
  const LognormalLength capped{{1}, {5}, {1}, 50, 400};
  int at_min = 0, at_max = 0;
  for (const auto& r : draw(capped, FixedLength{1})) at_min += r.input_tokens == 50, at_max += r.input_tokens == 400;
  const auto below = [](double x) { return 0.5 * std::erfc((5 - std::log(x)) / std::sqrt(2.0)); };
  CHECK(at_min / double(kDraws) == Approx(below(50.5)).epsilon(0.02));
  CHECK(at_max / double(kDraws) == Approx(1 - below(399.5)).epsilon(0.02));
  const auto sampler = make_lengths(capped, "input");
  CHECK(sampler->quantile(0.5) == std::lround(std::exp(5.0)));
  CHECK(sampler->quantile(1e-9) == 50);
}

TEST_CASE("The copula gives the rank correlation asked for and leaves the marginal laws alone") {
  const LengthSpec in = UniformLength{1, 1'000'000}, out = LognormalLength{{.5, .5}, {8, 10}, {1, 1}, 1, kMaxTokens};
  for (const double rho : {-0.6, 0.3, 0.9}) {
    const auto all = draw(in, out, rho);
    // Spearman's rho of a Gaussian copula; its standard error is below 1.1/sqrt(n).
    CHECK(std::abs(rank_correlation(all) - 6 / M_PI * std::asin(rho / 2)) < 5 / std::sqrt(double(kDraws)));
    double above = 0;
    const int median = make_lengths(out, "output")->quantile(0.5);
    for (const auto& r : all) above += r.output_tokens > median;
    CHECK(std::abs(above / kDraws - 0.5) < 4 * 0.5 / std::sqrt(double(kDraws)) + 1e-3);
  }
  CHECK(std::abs(rank_correlation(draw(in, out))) < 5 / std::sqrt(double(kDraws)));
}
