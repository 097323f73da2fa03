// Fits recover what synthetic points were made from; their errors are of points that they did not see.
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "calibration/errors.h"
#include "calibration/least_squares.h"
#include "calibration/operator_fit.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::calibration;

namespace {

/// y = a + b x at `count` places over four decades, times e^(noise); every `outlier`-th of them is three times as much.
struct Line {
  std::vector<double> x, y;
  Line(double a, double b, int count, double noise = 0, int outlier = 0) {
    RandomStream r(7, 0, StreamPurpose::jitter);
    for (int i = 0; i < count; ++i) {
      x.push_back(std::pow(10.0, 4.0 * (i + 0.5) / count));
      y.push_back((a + b * x.back()) * std::exp(noise * r.normal()) * (outlier && i % outlier == 0 ? 3 : 1));
    }
  }
  Fit fit(double noise) const {
    return least_squares({{0, 4}, {0, 4}}, noise, [&](const std::vector<double>& p, std::vector<double>& out) {
      out.clear();
      for (std::size_t i = 0; i < x.size(); ++i)
        out.push_back(std::log((std::exp(p[0]) + std::exp(p[1]) * x[i]) / y[i]));
    });
  }
};

/// Products of many shapes and row counts on a chip of 1000 TFLOP/s and 3 TB/s.
std::vector<OperatorPoint> products(const OperatorFit& truth, double noise,
                                    const std::function<double(const OperatorPoint&)>& log_ratio = {}) {
  RandomStream r(3, 0, StreamPurpose::jitter);
  std::vector<OperatorPoint> points;
  for (const double n : {1024, 2048, 4096, 6144, 14336, 28672})
    for (const double k : {1024, 4096, 8192})
      for (const double rows : {1, 8, 32, 128, 512, 2048, 8192}) {
        OperatorPoint p;
        p.group = "gemm";
        p.peak = 1e15, p.bandwidth = 3e12;
        p.a = rows, p.b = n, p.c = k;
        p.work = gemm_work({n, k}, rows, Dtype::bf16);
        p.shape = std::to_string(n) + "x" + std::to_string(k);
        p.seconds = truth.closed_form(p) * std::exp(noise * r.normal() + (log_ratio ? log_ratio(p) : 0));
        points.push_back(p);
      }
  return points;
}

std::vector<OperatorPoint> decode_points(const OperatorFit& truth,
                                         const std::function<double(double, double)>& log_ratio) {
  std::vector<OperatorPoint> points;
  for (int sequences = 1; sequences <= 128; sequences *= 2)
    for (double context = 64; context <= 16384; context *= 2) {
      OperatorPoint p;
      p.group = "decode_attention";
      p.peak = 1e15, p.bandwidth = 3e12;
      p.a = 8.0 * sequences, p.b = context;
      p.work = attention_work({32, 8, 128}, sequences, sequences * context, sequences * context, Dtype::bf16);
      p.shape = "batch " + std::to_string(sequences);
      p.seconds = truth.closed_form(p) * std::exp(log_ratio(p.a, p.b));
      points.push_back(p);
    }
  return points;
}

OperatorFit truth(double floor_s, double bandwidth, double compute) {
  OperatorFit f;
  f.floor_s = floor_s, f.bandwidth = bandwidth, f.compute = compute;
  return f;
}

}  // namespace

TEST_CASE("least squares finds the parameters of an exact model") {
  const Fit fit = Line(30, 0.2, 200).fit(0.01);
  CHECK(std::exp(fit.parameters[0]) == Approx(30).epsilon(1e-4));
  CHECK(std::exp(fit.parameters[1]) == Approx(0.2).epsilon(1e-4));
  CHECK(fit.rms < 1e-4);
}

TEST_CASE("one point in twenty, three times off, moves a fit by a few percent at most") {
  const Fit fit = Line(30, 0.2, 400, 0.03, 20).fit(0.03);
  CHECK(std::exp(fit.parameters[0]) == Approx(30).epsilon(0.03));
  CHECK(std::exp(fit.parameters[1]) == Approx(0.2).epsilon(0.03));
  CHECK(fit.rms > 0.15);  // said
}

TEST_CASE("standard deviations shrink with the root of the number of points") {
  const Fit few = Line(30, 0.2, 100).fit(0.03), many = Line(30, 0.2, 1600).fit(0.03);
  for (std::size_t i = 0; i < 2; ++i) CHECK(few.sigma[i] / many.sigma[i] == Approx(4).epsilon(0.02));
  // A mean of n errors of size `noise`.
  const auto mean_of = [](int n) {
    return least_squares({{0, 100}}, 0.03, [&](const std::vector<double>& p, std::vector<double>& out) {
      out.assign(static_cast<std::size_t>(n), p[0] - 1);
    });
  };
  CHECK(mean_of(36).sigma[0] == Approx(0.03 / 6).epsilon(1e-3));
  CHECK(mean_of(36).parameters[0] == Approx(1).epsilon(1e-4));
}

TEST_CASE("standard deviations grow where points scatter more than their noise") {
  CHECK(Line(30, 0.2, 400, 0.3).fit(0.03).sigma[0] > 5 * Line(30, 0.2, 400, 0.03).fit(0.03).sigma[0]);
}

TEST_CASE("what the data say nothing about stays at its prior") {
  const Fit fit =
      least_squares({{0.5, 3}, {-2, 0.7}}, 0.01,
                    [](const std::vector<double>& p, std::vector<double>& out) { out.assign(50, p[0] - 1); });
  CHECK(fit.parameters[0] == Approx(1).epsilon(1e-3));
  CHECK(fit.parameters[1] == Approx(-2));
  CHECK(fit.sigma[1] == Approx(0.7).epsilon(1e-3));
}

TEST_CASE("a fit that starts from nonsense is our bug") {
  CHECK_THROWS_AS(least_squares({{0, 1}}, 0.1, [](const auto&, std::vector<double>& out) { out = {std::nan("")}; }),
                  InternalError);
}

TEST_CASE("quantiles are linear between order statistics") {
  CHECK(quantile({3}, 0.9) == 3);
  CHECK(quantile({4, 1, 3, 2}, 0) == 1);
  CHECK(quantile({4, 1, 3, 2}, 1) == 4);
  CHECK(quantile({4, 1, 3, 2}, 0.5) == Approx(2.5));
  CHECK(quantile({0, 10}, 0.9) == Approx(9));
  CHECK(quantile({5, 1, 2, 4, 3}, 0.25) == Approx(2));
  CHECK_THROWS_AS(quantile({}, 0.5), InternalError);
}

TEST_CASE("errors are relative, their bias signed") {
  const FitError e = error_of({{1.1, 1}, {2.4, 2}, {2.7, 3}}, "gemm", "a split");  // +10 %, +20 %, -10 %
  CHECK(e.what == "gemm");
  CHECK(e.split == "a split");
  CHECK(e.n == 3);
  CHECK(e.median == Approx(0.1));
  CHECK(e.mean == Approx(0.4 / 3));
  CHECK(e.p90 == Approx(0.18));
  CHECK(e.bias == Approx(0.1));
  CHECK(error_of({{0.5, 1}, {0.9, 1}, {1.1, 1}}, "", "").bias == Approx(-0.1));
}

TEST_CASE("rank correlation sees order only") {
  CHECK(rank_correlation({{1, 10}, {2, 11}, {3, 1000}}) == Approx(1));
  CHECK(rank_correlation({{3, 10}, {2, 11}, {1, 1000}}) == Approx(-1));
  // d^2 = 1 + 1 + 0 + 0 of n = 4: 1 - 6 * 2 / (4 * 15).
  CHECK(rank_correlation({{1, 2}, {2, 1}, {3, 3}, {4, 4}}) == Approx(0.8));
  // Ranks 0.5, 0.5, 2 and 0, 1, 2: 1.5 / sqrt(1.5 * 2).
  CHECK(rank_correlation({{1, 1}, {1, 2}, {5, 3}}) == Approx(1.5 / std::sqrt(3.0)));
  CHECK(std::isnan(rank_correlation({{1, 1}, {2, 2}})));
}

TEST_CASE("an operator fit finds floor and efficiencies in noisy points, within its own error bars") {
  for (const OperatorFit& t : {truth(8e-6, 0.75, 0.55), truth(2e-6, 0.9, 0.3), truth(3e-5, 0.4, 0.8)}) {
    const OperatorFit fit = fit_operator(products(t, 0.03), {});
    CHECK(fit.floor_s == Approx(t.floor_s).epsilon(0.05));
    CHECK(fit.bandwidth == Approx(t.bandwidth).epsilon(0.05));
    CHECK(fit.compute == Approx(t.compute).epsilon(0.05));
    CHECK(std::fabs(fit.bandwidth / t.bandwidth - 1) < 4 * fit.bandwidth_error);
    CHECK(std::fabs(fit.compute / t.compute - 1) < 4 * fit.compute_error);
    CHECK(std::fabs(fit.floor_s / t.floor_s - 1) < 4 * fit.floor_error);
    CHECK(fit.bandwidth_error < 0.05);
    CHECK(fit.closed.median < 0.04);
    CHECK(fit.points == products(t, 0.03).size());
  }
}

TEST_CASE("a second stage learns what the closed form leaves of products, and carries it to unseen shapes") {
  const auto smooth = [](const OperatorPoint& p) {
    return 0.25 * std::sin(std::log2(p.a)) + 0.1 * std::sin(0.5 * std::log2(p.b * p.c));
  };
  const OperatorFit fit = fit_operator(products(truth(8e-6, 0.6, 0.5), 0.01, smooth), {});
  CHECK(fit.full.split == "each shape left out in turn");
  CHECK(fit.full.n == 126);
  CHECK(fit.full.median < 0.5 * fit.closed.median);
  CHECK(fit.full.p90 < 0.6 * fit.closed.p90);
}

TEST_CASE("a second stage learns what the closed form leaves of attention") {
  const auto smooth = [](double x, double y) {
    return 0.3 * std::sin(0.7 * std::log2(x)) * std::cos(0.5 * std::log2(y));
  };
  const OperatorFit fit = fit_operator(decode_points(truth(5e-6, 0.6, 0.5), smooth), {});
  CHECK(fit.grid.x.front() == 8);
  CHECK(fit.grid.x.back() == Approx(1024));
  CHECK(fit.grid.y.front() == 64);
  CHECK(fit.grid.y.back() == Approx(16384));
  CHECK(fit.grid.y.size() <= 11);
  CHECK(fit.full.median < 0.7 * fit.closed.median);
}

TEST_CASE("an all-reduce that changes algorithm between sizes is met at every size, and straight between") {
  const auto bumps = [](double chips, double bytes) {
    return chips == 4 && bytes == 65536 ? 0.6 : chips == 2 ? -0.2 : 0.0;
  };
  std::vector<GridSample> samples;
  for (const double chips : {2, 4, 8})
    for (double bytes = 256; bytes < 1e9; bytes *= 16)
      if (chips != 8 || bytes != 4096) samples.push_back({chips, bytes, bumps(chips, bytes)});
  samples.push_back({8, 256, 0.3}), samples.push_back({8, 256, 0.3});  // the median of three calls
  const GridResidual g = exact_grid(samples);
  CHECK(g.at(4, 65536) == Approx(0.6));
  CHECK(g.at(4, 65536 * 4) == Approx(0.3));
  CHECK(g.at(2, 65536) == Approx(-0.2));
  CHECK(g.at(8, 65536) == Approx(0).margin(1e-12));
  CHECK(g.at(8, 256) == Approx(0.3));
  CHECK(g.at(8, 4096) == Approx(0.15));  // not measured: between its neighbours at the same count of chips
}

TEST_CASE("points kept for checking are judged and never fitted") {
  auto points = products(truth(8e-6, 0.6, 0.5), 0.03);
  std::int64_t checks = 0;
  for (OperatorPoint& p : points) checks += p.check = p.b == 6144;
  const OperatorFit fit = fit_operator(points, {});
  CHECK(fit.full.split == "shapes that the data file keeps for checking");
  CHECK(fit.full.n == checks);
  CHECK(fit.points == points.size() - static_cast<std::size_t>(checks));
  for (const auto& s : fit.gemm.shapes) CHECK(s.n != 6144);

  auto wild = points;
  for (OperatorPoint& p : wild)
    if (p.check) p.seconds *= 50;
  const OperatorFit same = fit_operator(wild, {});
  CHECK(same.floor_s == fit.floor_s);
  CHECK(same.bandwidth == fit.bandwidth);
  CHECK(same.compute == fit.compute);
  for (const OperatorPoint& p : points) CHECK(same.predict(p) == fit.predict(p));
  CHECK(same.full.median > 0.9);
  CHECK(fit.full.median < 0.1);

  // The same points without the mark do move it.
  for (OperatorPoint& p : wild) p.check = false;
  CHECK(fit_operator(wild, {}).floor_s != fit.floor_s);
}

TEST_CASE("a shape that is left out does not speak for itself") {
  auto points = products(truth(8e-6, 0.6, 0.5), 0.01);
  for (OperatorPoint& p : points)
    if (p.b == 14336 && p.c == 8192) p.seconds *= 1.8;  // seven of 126
  const OperatorFit fit = fit_operator(points, {});
  std::vector<Compared> seen;
  for (const OperatorPoint& p : points)
    if (p.b == 14336 && p.c == 8192) seen.push_back({fit.predict(p), p.seconds});
  CHECK(error_of(seen, "", "").median < 0.25);  // the result knows them
  CHECK(fit.full.n == 126);
  CHECK(fit.full.mean > 0.03);  // the judgement did not: 7 / 126 * (1 - 1 / 1.8) = 0.025 beside the noise
}

TEST_CASE("an operator fit needs three points of its own") {
  auto points = products(truth(8e-6, 0.6, 0.5), 0);
  points.resize(2);
  CHECK_THROWS_AS(fit_operator(points, {}), InternalError);
  points = products(truth(8e-6, 0.6, 0.5), 0);
  for (std::size_t i = 2; i < points.size(); ++i) points[i].check = true;
  CHECK_THROWS_AS(fit_operator(points, {}), InternalError);
}

TEST_CASE("what points do not decide stays at the defaults") {
  auto points = products(truth(8e-6, 0.6, 0.5), 0.01);
  std::erase_if(points, [](const OperatorPoint& p) { return p.a > 32; });  // nothing is bound by arithmetic
  const OperatorFit fit = fit_operator(points, {5e-6, 0.8, 0.7});
  CHECK(fit.bandwidth == Approx(0.6).epsilon(0.03));
  CHECK(fit.compute == Approx(0.7).epsilon(0.1));
  CHECK(fit.compute_error > 0.2);
}
