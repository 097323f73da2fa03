// DeepSeek's published day (github:deepseek-ai/open-infra-index@56d8686, day 6), both phases simulated together.
#include <string>

#include "scenarios/balance.h"
#include "scenarios/runner.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

constexpr double kDaySeconds = 86'400, kInput = 608e9, kHits = 342e9, kOutput = 168e9;
constexpr double kTolerance = 0.1;  // relative; the fit of the step times has errors of 4 to 15 %

struct Day {
  Scenario scenario;
  RunRecord run;
  const Alternative& factory() const { return scenario.alternatives.front(); }
  /// How often the day's tokens hold those of the slice, at the same rates: arrivals last less than the run.
  double slices() const {
    return kOutput / kDaySeconds / (static_cast<double>(run.output_offered) / run.arrival_span_s);
  }
  double user_speed() const { return 1e9 / run.latency.tpot.mean(); }
};

Day day(const std::string& rate = "214.1", const std::string& seconds = "1800") {
  ScenarioOptions options;
  options.set = {"/workload/generate/arrivals/rate=" + rate, "/workload/generate/duration_s=" + seconds};
  Day out{load_scenario(TOKENFAB_SOURCE_DIR "/scenarios/deepseek-day.json", options), {}};
  out.run = run_once(out.scenario, out.factory(), 0, {});
  return out;
}

}  // namespace

TEST_CASE("DeepSeek's day through both pools: nodes, cost, cost per token, revenue and margin, within a tenth") {
  const Day d = day();
  const RunRecord& r = d.run;
  REQUIRE(r.served == r.offered);
  CHECK_FALSE(r.saturated);
  CHECK(static_cast<double>(r.input_offered) / static_cast<double>(r.output_offered) ==
        Approx(kInput / kOutput).epsilon(0.001));
  CHECK(static_cast<double>(r.cached_tokens) / static_cast<double>(r.input_served) ==
        Approx(kHits / kInput).epsilon(0.002));
  CHECK(d.user_speed() > 20);
  CHECK(d.user_speed() < 22);
  const double nodes_prompts = r.pools[0].chips / 8.0 * d.slices(), nodes_outputs = r.pools[1].chips / 8.0 * d.slices();
  CHECK(nodes_prompts == Approx(95.5).epsilon(kTolerance));
  CHECK(nodes_outputs == Approx(131.4).epsilon(kTolerance));
  const double days = kOutput / static_cast<double>(r.output_served);  // slices' tokens in a day's
  CHECK(r.cost.usd_total * days == Approx(87'072).epsilon(kTolerance));
  CHECK(r.cost.usd_per_mtok_in == Approx(0.0603).epsilon(kTolerance));
  CHECK(r.cost.usd_per_mtok_out == Approx(0.300).epsilon(kTolerance));
  CHECK(r.cost.revenue_usd * days == Approx(562'027).epsilon(0.002));  // of prices and tokens alone
  CHECK(r.cost.margin == Approx(0.845).margin(0.01));
}

TEST_CASE("DeepSeek's day: the nodes follow from the users' speed, not from the scenario") {
  CHECK(day("160.6", "300").user_speed() > 22);  // a tenth of the day: ten units for all of it are too many
  CHECK(day("267.6", "300").user_speed() < 20);  // a sixth: six are too few
}

TEST_CASE("DeepSeek's day: prompts take the share of our own capacity that they took of the published profile's") {
  const Day d = day("214.1", "60");
  const double units = d.run.pools[0].replicas, nodes = d.run.pools[0].chips / 8.0;
  const PhaseCapacity full = prefill_capacity(d.factory().pools[0].spec, {4383, 1211, 1});
  const double capacity = full.tokens_per_s * units / nodes;    // of a node, nothing cached
  const double computed = 214.1 * 4383 * (1 - kHits / kInput);  // tokens a second
  const double share = 73'700 * (1 - kHits / kInput) / 62'713;  // the day's, of the profile
  CHECK(computed / (share * capacity) * d.slices() == Approx(95.5).epsilon(0.15));
  CHECK(computed / nodes / capacity < 0.7);  // and so the slice has room
}
