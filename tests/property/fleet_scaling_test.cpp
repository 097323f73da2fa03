// Autoscalers: who looks further ahead serves better, and with nothing to look ahead to all are one.
#include "tests/catch.h"
#include "tests/support/fleets.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

RunRecord run(ScalingPolicy policy, ScalingSignal signal, double cold_start_s, std::uint64_t seed) {
  PoolSpec pool = small_pool(8, 4);
  pool.fleet.scaling.emplace();
  ScalingSpec& s = *pool.fleet.scaling;
  s.policy = policy;
  s.signal = signal;
  s.max = 12;
  s.target = signal == ScalingSignal::rate ? 6.5 : 5;
  s.interval_s = 5;
  s.window_s = 20;
  s.cooldown_s = 30;
  s.cold_start_s = cold_start_s;
  FactorySpec spec;
  spec.pools = {pool};
  spec.seed = seed;
  RunRecord record;
  record.slo_ttft_s = 0.5;
  simulate(spec, *make_generator(diurnal(16, 600, 2, seed)), record);
  return record;
}

double attained(const RunRecord& r) { return static_cast<double>(r.good_requests) / static_cast<double>(r.offered); }

}  // namespace

TEST_CASE("attainment: reactive <= predictive <= oracle, in the mean over days") {
  for (const ScalingSignal signal : {ScalingSignal::rate, ScalingSignal::outstanding}) {
    CAPTURE(static_cast<int>(signal));
    double mean[3] = {}, paid[3] = {};
    constexpr std::uint64_t kSeeds = 6;
    const ScalingPolicy policies[3] = {ScalingPolicy::reactive, ScalingPolicy::predictive, ScalingPolicy::oracle};
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed)
      for (int i = 0; i < 3; ++i) {
        const RunRecord r = run(policies[i], signal, 60, seed);
        mean[i] += attained(r) / kSeeds;
        paid[i] += r.fleet->pools[0].paid_replica_s;
      }
    CAPTURE(mean[0], mean[1], mean[2], paid[0], paid[1], paid[2]);
    CHECK(mean[0] < mean[1]);
    CHECK(mean[1] < mean[2]);
  }
}

TEST_CASE("without a cold start the three are the same fleet at every instant") {
  for (const ScalingSignal signal : {ScalingSignal::rate, ScalingSignal::outstanding})
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      CAPTURE(seed);
      const RunRecord a = run(ScalingPolicy::reactive, signal, 0, seed);
      REQUIRE(a.fleet->counts.size() > 10);
      for (const ScalingPolicy policy : {ScalingPolicy::predictive, ScalingPolicy::oracle}) {
        const RunRecord b = run(policy, signal, 0, seed);
        REQUIRE(b.fleet->counts == a.fleet->counts);
        REQUIRE(b.latency.ttft.sum() == a.latency.ttft.sum());
      }
    }
}

TEST_CASE("a pool that is full still grows: demand is measured at the gateway") {
  PoolSpec pool = small_pool(2, 20);
  pool.fleet.scaling.emplace();
  ScalingSpec& s = *pool.fleet.scaling;
  s.max = 64;
  s.target = 2;
  s.interval_s = 1;
  FactorySpec spec;
  spec.pools = {pool};
  GeneratorSpec g = diurnal(20, 600, 0.2, 1);
  g.arrivals.profile.clear();
  RunRecord grows, fixed;
  simulate(spec, *make_generator(g), grows);
  spec.pools[0].fleet.scaling->max = 1;
  simulate(spec, *make_generator(g), fixed);
  CHECK(fixed.saturated);
  CHECK_FALSE(grows.saturated);
  CHECK(grows.fleet->counts.back().ready > 4);
}

TEST_CASE("a schedule is kept to the second, cold start ahead of it") {
  PoolSpec pool = small_pool(8);
  pool.fleet.scaling.emplace();
  ScalingSpec& s = *pool.fleet.scaling;
  s.policy = ScalingPolicy::scheduled;
  s.min = 1, s.max = 5;
  s.interval_s = 1;
  s.cold_start_s = 10;
  s.schedule = {{0, 1}, {30, 4}, {60, 2}};
  s.period_s = 100;
  FactorySpec spec;
  spec.pools = {pool};
  RunRecord r;
  simulate(spec, *make_generator(diurnal(3, 100, 2, 1)), r);
  const auto ready_at = [&](double second) {
    int ready = 0;
    for (const ReplicaCount& c : r.fleet->counts)
      if (c.time <= ns_from_seconds(second)) ready = c.ready;
    return ready;
  };
  CHECK(ready_at(29.9) == 1);
  CHECK(ready_at(30.1) == 4);
  CHECK(ready_at(59.9) == 4);
  CHECK(ready_at(61.5) == 2);
  CHECK(ready_at(130.1) == 4);
}
