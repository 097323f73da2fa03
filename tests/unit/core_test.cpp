#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "hwmodels/kv_line.h"
#include "sim/core/event_queue.h"
#include "sim/core/histogram.h"
#include "sim/core/series_recorder.h"
#include "sim/fleet/router.h"
#include "sim/serving/kv_blocks.h"
#include "sim/serving/pace.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

/// 1 to 12 points, ascending; some pieces flat, some a single token long.
std::vector<KvLine::Point> random_points(RandomStream& r) {
  std::vector<KvLine::Point> points = {{0, static_cast<Ticks>(r.below(1ull << 45))}};
  for (auto left = r.below(KvLine::kMostPoints); left > 0; --left)
    points.push_back({points.back().kv + 1 + static_cast<std::int64_t>(r.below(r.below(4) ? 30000 : 1)),
                      points.back().ticks + static_cast<Ticks>(r.below(4) ? r.below(1ull << 45) : 0)});
  return points;
}

}  // namespace

TEST_CASE("a span's closed form is the sum of its steps, to the last tick") {
  RandomStream r(11, 0, StreamPurpose::jitter);
  for (int i = 0; i < 600; ++i) {
    const auto pick = [&](std::uint64_t n) { return static_cast<std::int64_t>(r.below(n)); };
    const KvLine line = i % 2 ? KvLine(pick(1ll << 50), random_points(r), pick(100000))
                              : KvLine(pick(1ll << 50), pick(1ll << 45), pick(1 << 20), pick(1ll << 44), pick(1 << 22));
    const std::int64_t kv = pick(200000), growth = pick(300), steps = 1 + pick(400);
    Ticks sum = 0;
    std::vector<Ticks> ends;
    for (std::int64_t s = 0; s < steps; ++s) ends.push_back(sum += line.at(kv + s * growth));
    REQUIRE(line.sum(kv, growth, steps) == sum);
    const auto parts = line.kv_parts(kv, growth, steps);
    REQUIRE(parts.low + parts.high + line.base() * steps == sum);
    // The inverse: the first boundary at or after an instant.
    for (int j = 0; j < 20; ++j) {
      const auto at = static_cast<std::size_t>(pick(static_cast<std::uint64_t>(steps)));
      for (const Ticks target : {ends[at] - 1, ends[at], ends[at] + 1}) {
        const auto first = std::lower_bound(ends.begin(), ends.end(), target) - ends.begin() + 1;
        REQUIRE(line.steps_to_reach(kv, growth, target, steps) == std::min<std::int64_t>(first, steps));
      }
    }
  }
}

TEST_CASE("a line of two pieces is their maximum") {
  const KvLine line(5, 1000, 1, 0, 3);
  CHECK(line.knot() == 500);
  for (const std::int64_t kv : {0, 499, 500, 501, 10000}) CHECK(line.at(kv) == 5 + std::max<Ticks>(1000 + kv, 3 * kv));
  CHECK(KvLine(5, 1000, 3, 0, 3).knot() == INT64_MAX);
}

TEST_CASE("a line through points meets each, is straight between them and goes on beyond the last") {
  const std::vector<KvLine::Point> points = {{0, 7}, {10, 27}, {11, 27}, {50, 500}, {1000, 100000}};
  const KvLine line(100, points, 11);
  for (const KvLine::Point& p : points) CHECK(line.at(p.kv) == 100 + p.ticks);
  CHECK(line.at(5) == 100 + 7 + 5 * 2);
  CHECK(line.at(30) == 100 + 27 + 19 * 12);  // slopes are whole ticks: (500 - 27) / 39, cut
  CHECK(line.at(3000) == 100 + 100000 + 2000 * (line.at(1000 - 1) - line.at(1000 - 2)));
  CHECK(line.knot() == 11);
  const auto parts = line.kv_parts(0, 1, 12);  // one step from the knot
  CHECK(parts.high == 27);
  for (const std::int64_t growth : {1, 5, 10, 25, 50}) {  // steps that begin exactly at a point
    Ticks sum = 0;
    for (std::int64_t s = 0; s < 300; ++s) {
      REQUIRE(line.sum(0, growth, s) == sum);
      sum += line.at(s * growth);
    }
  }
  CHECK(KvLine(5, {{0, 3}}, 9).at(123456) == 8);
  CHECK(KvLine(5, {{0, 3}}, 9).knot() == INT64_MAX);

  RandomStream r(3, 0, StreamPurpose::jitter);
  for (int i = 0; i < 200; ++i) {
    const auto random = random_points(r);
    const KvLine any(9, random, 1);
    for (const KvLine::Point& p : random) REQUIRE(any.at(p.kv) == 9 + p.ticks);
    Ticks last = 0;
    for (std::int64_t kv = 0; kv < 400000; kv += 997) {
      REQUIRE(any.at(kv) >= last);
      last = any.at(kv);
    }
  }
}

TEST_CASE("points that do not ascend from 0 make no line") {
  CHECK_THROWS_AS(KvLine(0, {}, 0), InternalError);
  CHECK_THROWS_AS(KvLine(0, {{1, 5}}, 0), InternalError);
  CHECK_THROWS_AS(KvLine(0, {{0, 5}, {0, 6}}, 0), InternalError);
  CHECK_THROWS_AS(KvLine(0, {{0, 5}, {9, 6}, {8, 7}}, 0), InternalError);
  CHECK_THROWS_AS(KvLine(0, {{0, 5}, {9, 4}}, 0), InternalError);
  std::vector<KvLine::Point> many;
  for (std::int64_t i = 0; i <= static_cast<std::int64_t>(KvLine::kMostPoints); ++i) many.push_back({i, i});
  CHECK_THROWS_AS(KvLine(0, many, 0), InternalError);
  many.pop_back();
  CHECK(KvLine(0, many, 0).at(11) == 11);
}

TEST_CASE("KV growth by residue equals growth counted sequence by sequence") {
  RandomStream r(5, 0, StreamPurpose::jitter);
  for (const std::int32_t page : {1, 7, 16})
    for (const std::int32_t quanta : {1, 8})
      for (const std::int64_t pace : {quanta, 19}) {
        if (quanta == 1 && pace != 1) continue;
        CAPTURE(page, quanta, pace);
        KvBlocks kv(100000, page, 0, quanta);
        std::vector<std::int64_t> lengths;
        const std::int64_t start = 37;
        for (int i = 0; i < 50; ++i) {
          lengths.push_back(static_cast<std::int64_t>(1 + r.below(500)) * quanta);
          kv.start_growing(lengths.back(), start, false);
        }
        const KvBlocks::Growing growing{50, 0};
        for (const std::int64_t steps : {0, 1, 2, 15, 16, 17, 100}) {
          std::int64_t blocks = 0;
          for (const std::int64_t n : lengths) blocks += kv.blocks_at(n + steps * pace) - kv.blocks_at(n);
          CHECK(kv.growth(start, steps * pace, growing) == blocks);
        }
        for (const std::int64_t free : {0, 3, 49, 50, 51, 200, 1000}) {
          KvBlocks scarce = kv;
          scarce.take(scarce.free() - free);
          const std::int64_t fit = scarce.steps_that_fit(start, pace, 300, growing);
          CHECK(scarce.growth(start, fit * pace, growing) <= free);
          if (fit < 300) CHECK(scarce.growth(start, (fit + 1) * pace, growing) > free);
        }
      }
}

TEST_CASE("a windowed cache takes pages for all tokens and for the window's") {
  const KvBlocks kv(1000, 16, 0, 1, {100, 2, 3});
  CHECK(kv.blocks_for(0) == 0);
  CHECK(kv.blocks_for(16) == 5);
  CHECK(kv.blocks_for(99) == 7 * 5);
  CHECK(kv.blocks_for(100) == 7 * 2 + 7 * 3);
  CHECK(kv.blocks_for(1000) == 63 * 2 + 7 * 3);
}

TEST_CASE("speculative steps follow the law of sums of their gains") {
  const std::vector<double> gains = {0.3, 0.2, 0.1, 0.4};  // 2.6 tokens a step
  const DraftLuck luck(gains);
  // The exact law of the steps to N tokens, by convolution, against draws on both sides of the normal limit.
  for (const std::int64_t tokens : {1, 7, 48, 49, 200}) {
    CAPTURE(tokens);
    std::vector<double> law,
        sums(static_cast<std::size_t>(tokens), 0);  // sums: P(so many tokens so far), below `tokens`
    sums[0] = 1;
    double before = 1, mean = 0;
    while (before > 1e-12) {
      std::vector<double> next(sums.size(), 0);
      for (std::size_t t = 0; t < sums.size(); ++t)
        for (std::size_t g = 0; g < gains.size() && t + g + 1 < sums.size(); ++g) next[t + g + 1] += sums[t] * gains[g];
      sums = next;
      double left = 0;
      for (const double p : sums) left += p;
      law.push_back(before - left);  // reached with this step
      mean += static_cast<double>(law.size()) * law.back();
      before = left;
    }
    CHECK(luck.mean_steps(tokens) == Approx(mean).epsilon(tokens < 7 ? 0.4 : 4e-3));
    constexpr int kDraws = 20000;
    std::vector<int> counts(law.size() + 1, 0);
    for (std::uint32_t i = 0; i < kDraws; ++i) {
      RandomStream random(1, 0, StreamPurpose::speculation, i);
      const auto steps = static_cast<std::size_t>(luck.steps(tokens, random));
      ++counts[std::min(steps, counts.size()) - 1];
    }
    double chi2 = 0, cells = 0, distance = 0;
    for (std::size_t i = 0; i < law.size(); ++i) {
      distance += std::fabs(counts[i] / double{kDraws} - law[i]) / 2;
      if (law[i] * kDraws < 5) continue;
      chi2 += std::pow(counts[i] - kDraws * law[i], 2) / (kDraws * law[i]);
      ++cells;
    }
    if (tokens <= DraftLuck::kExact) CHECK(chi2 < cells + 5 * std::sqrt(2 * cells) + 5);
    CHECK(distance < 0.06);  // total variation: sampling gives about 0.01, a lattice against the normal limit 0.045
  }
}

TEST_CASE("histogram quantiles are within their stated error, and merging is adding") {
  RandomStream r(9, 0, StreamPurpose::jitter);
  std::vector<std::int64_t> values;
  Histogram all, even, odd;
  for (int i = 0; i < 20000; ++i) {
    const auto v = static_cast<std::int64_t>(std::exp(25 * r.uniform()));
    values.push_back(v);
    all.add(v);
    (i % 2 ? odd : even).add(v);
  }
  even.merge(odd);
  std::sort(values.begin(), values.end());
  for (const double p : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(p * 20000)));
    CHECK(all.quantile(p) == Approx(static_cast<double>(values[rank - 1])).epsilon(0.008).margin(0.51));
    CHECK(all.quantile(p) == even.quantile(p));
  }
  CHECK(all.sum() == even.sum());
  CHECK(all.max() == values.back());
  for (std::size_t b = 0; b < 3000; ++b) {
    CHECK(Histogram::bucket_of(Histogram::lower(b)) == b);
    CHECK(Histogram::bucket_of(Histogram::lower(b + 1) - 1) == b);
  }
}

TEST_CASE("events come out by time, then order, then sequence") {
  EventQueue<int> q;
  q.push(5, EventOrder::step_done, 3);
  q.push(5, EventOrder::arrival, 2);
  q.push(4, EventOrder::end, 1);
  q.push(5, EventOrder::step_done, 4);
  for (int expected = 1; expected <= 4; ++expected) CHECK(q.pop().event == expected);
  CHECK(q.empty());
}

TEST_CASE("the series keeps every count and integral while it coarsens") {
  SeriesRecorder s;
  Ns t = 0;
  RandomStream r(2, 0, StreamPurpose::jitter);
  Int128 waiting_area = 0;
  for (int i = 0; i < 5000; ++i) {
    const Ns next = t + static_cast<Ns>(r.below(100'000'000));
    const auto waiting = static_cast<std::int64_t>(r.below(10));
    s.integrate(next, waiting, 1);
    waiting_area += static_cast<Int128>(waiting) * (next - t);
    t = next;
    ++s.bin(t).arrived;
  }
  Int128 area = 0, running = 0;
  std::int64_t arrived = 0;
  for (const auto& bin : s.series().bins) area += bin.waiting_ns, running += bin.running_ns, arrived += bin.arrived;
  CHECK(arrived == 5000);
  CHECK(area == waiting_area);
  CHECK(running == t);
  CHECK(s.series().bins.size() <= Series::kMaxBins);
  CHECK(s.series().bin_ns * static_cast<Ns>(s.series().bins.size()) > t);
}

TEST_CASE("routers spread load as their names say") {
  std::vector<std::int64_t> load(4);
  const auto of = [&](std::size_t i) { return load[i]; };
  const auto round = Router::make({"round-robin"});
  for (std::size_t i = 0; i < 8; ++i) CHECK(round->pick(4, of, {}) == i % 4);
  load = {3, 1, 2, 1};
  CHECK(Router::make({"least-outstanding"})->pick(4, of, {}) == 1);
  const auto two = Router::make({"power-of-two"});
  std::fill(load.begin(), load.end(), 0);
  for (int i = 0; i < 4000; ++i) ++load[two->pick(4, of, {})];
  // Balls into bins with two choices: the gap above the mean is of the order of log log n, not sqrt.
  CHECK(*std::max_element(load.begin(), load.end()) - 1000 <= 5);
  CHECK_THROWS_WITH(Router::make({"round-robbin"}), Catch::Contains("nearest: \"round-robin\""));
}
