// Regions in and out of phase.
#include "sim/market/money.h"
#include "sim/market/regions.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::market;

namespace {

double value(const MarketRecord& r, const std::string& name) {
  for (const auto& f : r.figures)
    if (f.name == name) return f.value;
  FAIL("no figure " << name);
  return 0;
}

/// Three regions of one size, `apart_h` hours from each other, each with a site of its own price.
RegionsSpec three(double apart_h, double rtt_s) {
  RegionsSpec spec;
  spec.hours = 168;
  spec.ttft_limit_s = 1;
  for (std::size_t r = 0; r < 3; ++r) {
    const std::string name(1, static_cast<char>('a' + r));
    spec.regions.push_back({name, 100e6, {.amplitude = 0.9, .utc_offset_h = apart_h * static_cast<double>(r)}});
    spec.sites.push_back({name + " site", r, 10, 6000, micro(0.5 + 0.1 * static_cast<double>(r)), 0.4});
    auto& row = spec.rtt_s.emplace_back();
    for (std::size_t other = 0; other < 3; ++other) row.push_back(other == r ? 0.0 : rtt_s);
  }
  return spec;
}

MarketRecord run(const RegionsSpec& spec) {
  MarketRecord r;
  run_regions(spec, r);
  return r;
}

}  // namespace

TEST_CASE("pooling gains nothing in phase, and all of the amplitude a third of a day apart") {
  CHECK(value(run(three(0, 0.1)), "pooling gain, all regions") == Approx(0).margin(1e-12));
  // Three equal cosines 8 hours apart sum to a constant.
  CHECK(value(run(three(8, 0.1)), "pooling gain, all regions") == Approx(1 - 1 / 1.9).epsilon(0.01));
}

TEST_CASE("nothing is served away from home where the round trip breaks the SLO") {
  const MarketRecord near = run(three(8, 0.5)), far = run(three(8, 0.7));
  CHECK(value(near, "served away from home") > 0.2);  // the cheap site takes what it can
  CHECK(value(far, "served away from home") == 0);
  CHECK(value(far, "pooling gain within reach") == 0);
  CHECK(value(near, "pooling gain within reach") == Approx(value(near, "pooling gain, all regions")));
  for (const auto& f : far.flows) CHECK(f.site == f.region + " site");
}

TEST_CASE("out of phase a smaller pool serves what regions alone cannot") {
  RegionsSpec pooled = three(8, 0.1), alone = three(8, 0.9);
  for (RegionsSpec* spec : {&pooled, &alone})
    for (auto& site : spec->sites) site.replicas = 5;  // 108 M tokens/h each: enough for the mean, not for the peak
  CHECK(value(run(pooled), "not served") == 0);
  CHECK(value(run(alone), "not served") > 1000);
}

TEST_CASE("the cheaper site is used first, and one site alone is never cheaper") {
  FlowProblem p{{5, 5}, {6, 20}, {{1, 3}, {1, 2}}};
  const FlowPlan plan = clear_flow(p);
  CHECK(plan.cost == 5 * 1 + 1 * 1 + 4 * 2);
  CHECK(plan.lots[0][0] == 5);
  CHECK(*best_single_site(p) == 5 * 3 + 5 * 2);
  p.cost[0][1] = std::nullopt;
  CHECK_FALSE(best_single_site(p));
  p.capacity = {2, 2};
  CHECK(clear_flow(p).unserved == 6);
}
