// Lines against staircases: every crossing, and none that is not there.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "sim/economics/cost_curve.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

/// Curves whose joints lie on whole volumes, so that a scan of whole and half volumes meets every state.
CostCurve random_curve(RandomStream& s) {
  CostCurve c{"curve", 0, 0, 0, 1};
  if (s.below(2) == 0) c.fixed_usd = static_cast<double>(s.below(40));
  if (s.below(3) > 0) c.usd_per_mtok = static_cast<double>(s.below(60)) * 1e4;  // 0.01 USD a token
  if (s.below(3) > 0) {
    c.usd_per_step = static_cast<double>(1 + s.below(30));
    c.tokens_per_step = static_cast<double>(1 + s.below(90));
  }
  return c;
}

/// At rest between crossings: states just above 0 and at each point of a fine grid, from the definition alone.
std::vector<CurveCrossing> scan(const CostCurve& a, const CostCurve& b, double most, double grid) {
  std::vector<CurveCrossing> out;
  bool above = a.at(grid / 64) >= b.at(grid / 64);
  for (double v = grid; v <= most; v += grid)
    for (const double at : {v - grid / 2, v, v + grid / 64}) {
      if (at > most) continue;
      const bool now = a.at(at) >= b.at(at);
      if (now != above) out.push_back({at, now});
      above = now;
    }
  return out;
}

}  // namespace

TEST_CASE("a line meets a staircase once a step, until the steps are behind") {
  // A step costs 10 and earns 12 when full: profit holds between 10/12 and 1, 20/12 and 2, …, and from 50/12 on.
  const CostCurve revenue{"revenue", 0, 12, 0, 1}, cost{"cost", 0, 0, 10, 1e6};
  const auto crossings = curve_crossings(revenue, cost, 100e6);
  REQUIRE(crossings.size() == 9);
  CHECK(crossings[0].tokens == Approx(10.0 / 12 * 1e6).epsilon(1e-12));
  CHECK(crossings[8].tokens == Approx(50.0 / 12 * 1e6).epsilon(1e-12));
  CHECK(crossings[8].above);
  CHECK_FALSE(starts_above(revenue, cost));
}

TEST_CASE("fixed cost moves the crossing; variable cost can rule it out") {
  const CostCurve revenue{"revenue", 0, 2, 0, 1};
  const CostCurve cost{"cost", 100, 0.5, 0, 1};
  const auto crossings = curve_crossings(revenue, cost, 1e12);
  REQUIRE(crossings.size() == 1);
  CHECK(crossings[0].tokens == Approx(100 / 1.5 * 1e6).epsilon(1e-12));
  CHECK(curve_crossings(revenue, {"dear", 100, 2, 0, 1}, 1e12).empty());
  CHECK(curve_crossings(revenue, {"cheap", 0, 1, 0, 1}, 1e12).empty());
  CHECK(starts_above(revenue, {"cheap", 0, 1, 0, 1}));
}

TEST_CASE("crossings of random curves are those of a scan, volume by volume") {
  RandomStream s(7, 0, StreamPurpose::arrivals);
  int found = 0;
  for (int trial = 0; trial < 400; ++trial) {
    const CostCurve a = random_curve(s), b = random_curve(s);
    const double most = 300, grid = 0.25;
    const auto exact = curve_crossings(a, b, most);
    // Between two neighbours of the grid there may be two crossings, which a scan cannot tell from none.
    bool apart = true;
    for (std::size_t i = 0; i < exact.size(); ++i)
      apart = apart && exact[i].tokens > grid && (i == 0 || exact[i].tokens - exact[i - 1].tokens > 2 * grid);
    if (!apart) continue;
    CAPTURE(trial, a.fixed_usd, a.usd_per_mtok, a.usd_per_step, a.tokens_per_step, b.fixed_usd, b.usd_per_mtok,
            b.usd_per_step, b.tokens_per_step);
    const auto seen = scan(a, b, most, grid);
    REQUIRE(exact.size() == seen.size());
    for (std::size_t i = 0; i < exact.size(); ++i) {
      CHECK(exact[i].tokens == Approx(seen[i].tokens).margin(grid));
      CHECK(exact[i].above == seen[i].above);
    }
    found += static_cast<int>(exact.size());
  }
  CHECK(found > 300);
}

TEST_CASE("states between crossings are as the crossings say, for any sizes of steps") {
  RandomStream s(11, 0, StreamPurpose::arrivals);
  for (int trial = 0; trial < 200; ++trial) {
    const auto wide = [&] { return std::exp(8 * s.uniform() - 4); };
    const CostCurve line{"line", 0, wide() * 1e6, 0, 1},
        stairs{"stairs", static_cast<double>(s.below(2)) * wide(), 0, wide() * 50, wide() * 50};
    const double most = stairs.tokens_per_step * 40;
    const auto crossings = curve_crossings(line, stairs, most);
    bool above = starts_above(line, stairs);
    double from = 0;
    for (std::size_t i = 0; i <= crossings.size(); ++i) {
      const double to = i < crossings.size() ? crossings[i].tokens : most;
      CAPTURE(trial, i, from, to);
      if (to - from > 1e-9 * to) {
        for (const double share : {0.001, 0.3, 0.7, 0.999}) {
          const double v = from + share * (to - from);
          CHECK((line.at(v) >= stairs.at(v)) == above);
        }
      }
      if (i == crossings.size()) break;
      CHECK(crossings[i].above == !above);
      above = crossings[i].above;
      from = to;
    }
  }
}

TEST_CASE("steps that rounding moves are still whole") {
  for (const double step : {0.1, 1e6 / 3, 7.3e9}) {
    const CostCurve c{"c", 0, 0, 1, step};
    for (int n = 1; n < 2000; ++n) REQUIRE(c.at(n * step) == n);
  }
  CHECK_THROWS_AS(curve_crossings({"c", 0, 0, 1, 1}, {"line", 0, 1, 0, 1}, 1e9), UserError);
}
