// Replicas that come and go: by spans or by single steps alike, nothing lost, everything paid for.
#include <numeric>

#include "base/rng.h"
#include "tests/catch.h"
#include "tests/support/fleets.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

ScalingSpec random_scaling(RandomStream& r) {
  ScalingSpec s;
  s.policy = static_cast<ScalingPolicy>(r.below(4));
  s.signal = static_cast<ScalingSignal>(r.below(2));
  s.min = static_cast<int>(r.below(2));
  s.max = 2 + static_cast<int>(r.below(4));
  s.target = s.signal == ScalingSignal::rate ? 2 + 10 * r.uniform() : 1 + 4 * r.uniform();
  s.interval_s = 0.3 + r.uniform();
  s.window_s = 1 + 3 * r.uniform();
  s.cooldown_s = r.below(2) ? 0 : 3 * r.uniform();
  s.cold_start_s = r.below(3) ? 4 * r.uniform() : 0;
  s.lead_s = r.below(2) ? 0 : r.uniform();
  s.season_s = r.below(2) ? 0 : 10;
  s.period_s = 10;
  s.schedule = {{0, 1}, {4, s.max}, {8, 2}};
  return s;
}

struct Fleet {
  FactorySpec spec;
  GeneratorSpec workload;
};

Fleet random_fleet(std::uint64_t seed) {
  RandomStream r(seed, 0, StreamPurpose::jitter);
  Fleet out;
  const bool prices = r.below(2);
  const auto& routers = prices ? PoolRouter::names() : Router::names();
  out.spec.router = routers[r.below(prices ? routers.size() : 3)];
  out.spec.seed = seed;
  const std::size_t pools = 1 + r.below(3);
  bool oracle = false;
  for (std::size_t p = 0; p < pools; ++p) {
    PoolSpec pool = small_pool(static_cast<std::int64_t>(2 + r.below(8)), 1 + 3 * r.uniform());
    pool.name = std::to_string(p);
    pool.batcher.kv_blocks = 60 + static_cast<std::int64_t>(r.below(200));
    pool.batcher.max_waiting = r.below(4) ? 0 : 4;
    pool.front_end = r.below(2) ? 0 : 1'234'567;
    pool.fleet.price = 1 + static_cast<double>(r.below(3));
    pool.fleet.price_unit = "USD";
    pool.fleet.quality = 0.5 + 0.1 * static_cast<double>(p);
    switch (r.below(4)) {
      case 0:
        pool.fleet.scaling = random_scaling(r);
        pool.replicas = std::max(pool.fleet.scaling->min, 1);
        oracle |= pool.fleet.scaling->policy == ScalingPolicy::oracle;
        if (r.below(2)) pool.fleet.spot = SpotSpec{1500 * r.uniform(), r.uniform(), 0};
        break;
      case 1:
        pool.fleet.spot = SpotSpec{2000 * r.uniform(), r.uniform(), 3 * r.uniform()};
        pool.replicas = 1 + static_cast<int>(r.below(3));
        break;
      case 2:
        pool.fleet.outages = {{2 + r.uniform(), 4 + r.uniform()}, {7, 7.5}};
        break;
      default:
        pool.replicas = 1 + static_cast<int>(r.below(2));
    }
    out.spec.pools.push_back(pool);
  }
  if (r.below(2)) {
    out.spec.gateway.regions = {"a"};
    for (PoolSpec& pool : out.spec.pools) pool.fleet.rtt_s = {r.below(3) ? 0.2 * r.uniform() : 0};
  }
  out.spec.gateway.present = true;
  out.spec.gateway.queue = r.below(3) ? 0 : 10;
  out.spec.gateway.exclude_s = 2 * r.uniform();
  out.spec.gateway.quality_floors = {0.6};
  out.spec.horizon_s = r.below(4) ? 0 : 9;
  out.workload = diurnal(15, 10, 1.2, seed);
  return out;
}

RunRecord run(const Fleet& fleet, bool stepwise) {
  return run_factory(fleet.spec, *make_generator(fleet.workload), stepwise);
}

}  // namespace

TEST_CASE("spans equal single steps while replicas come and go, and each replica's time is paid once") {
  std::int64_t reclaims = 0, requeued = 0, boots = 0, waited = 0, failed = 0, rejected = 0, lost = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    CAPTURE(seed);
    const Fleet fleet = random_fleet(seed);
    const RunRecord a = run(fleet, false), b = run(fleet, true);
    require_same(a, b);
    REQUIRE(a.fleet->counts == b.fleet->counts);
    REQUIRE(a.fleet->waited == b.fleet->waited);
    REQUIRE(a.fleet->most_waiting == b.fleet->most_waiting);
    REQUIRE(a.fleet->unreachable == b.fleet->unreachable);
    waited += a.fleet->waited;
    rejected += a.rejected;
    Ns first = INT64_MAX;
    for (const RequestRow& row : a.rows) first = std::min(first, row.arrival);
    const Ns end = first + ns_from_seconds(a.makespan_s);
    for (std::size_t p = 0; p < a.pools.size(); ++p) {
      const PoolFleet &f = a.fleet->pools[p], &g = b.fleet->pools[p];
      REQUIRE(f.requeued == g.requeued);
      REQUIRE(f.routed == g.routed);
      REQUIRE(f.failed_attempts == g.failed_attempts);
      REQUIRE(a.pools[p].paid_chip_seconds == b.pools[p].paid_chip_seconds);
      REQUIRE(a.pools[p].paid_chip_seconds ==
              Approx(replica_seconds(a, static_cast<int>(p), first, end)).epsilon(1e-9));
      REQUIRE(a.pools[p].busy_chip_seconds <= a.pools[p].paid_chip_seconds * (1 + 1e-12));
      REQUIRE(f.boot_replica_s <= f.paid_replica_s);
      reclaims += f.reclaims, requeued += f.requeued, boots += f.boots, failed += f.failed_attempts;
      lost += a.pools[p].recomputed_tokens;
    }
    if (fleet.spec.horizon_s == 0) REQUIRE(a.in_flight == 0);
  }
  CHECK(reclaims > 100);
  CHECK(requeued > 300);
  CHECK(boots > 300);
  CHECK(waited > 300);
  CHECK(failed > 10);
  CHECK(rejected > 100);
  CHECK(lost > 10'000);
}

TEST_CASE("a fleet in which nothing moves is the plain factory") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    RandomStream r(seed, 3, StreamPurpose::jitter);
    Fleet plain;
    plain.spec.router = Router::names()[r.below(3)];
    plain.spec.seed = seed;
    for (std::size_t p = 0; p < 1 + r.below(2); ++p) {
      plain.spec.pools.push_back(small_pool(static_cast<std::int64_t>(2 + r.below(6))));
      plain.spec.pools.back().replicas = 1 + static_cast<int>(r.below(3));
      plain.spec.pools.back().batcher.max_waiting = r.below(3) ? 0 : 5;
    }
    plain.spec.horizon_s = r.below(3) ? 0 : 6;
    plain.workload = diurnal(25, 10, 1, seed);
    Fleet moving = plain;
    moving.spec.gateway.present = true;
    moving.spec.gateway.regions = {"here"};
    for (PoolSpec& pool : moving.spec.pools) {
      pool.fleet.rtt_s = {0};
      if (r.below(2)) pool.fleet.spot = SpotSpec{0, 1, 1};
      if (r.below(2)) continue;
      pool.fleet.scaling.emplace();
      pool.fleet.scaling->min = pool.fleet.scaling->max = pool.replicas;
      pool.fleet.scaling->interval_s = 0.7;
    }
    const RunRecord a = run(plain, false), b = run(moving, false);
    require_same(a, b);
    REQUIRE_FALSE(a.fleet);
    for (std::size_t p = 0; p < a.pools.size(); ++p) {
      REQUIRE(b.pools[p].chips == a.pools[p].chips);
      REQUIRE(b.pools[p].paid_chip_seconds == Approx(a.pools[p].paid_chip_seconds).epsilon(1e-12));
    }
  }
}

TEST_CASE("whatever is taken away, every request is served in the end") {
  std::int64_t again = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Fleet f;
    f.spec.seed = seed;
    PoolSpec pool = small_pool(6, 8);
    pool.replicas = 3;
    pool.fleet.spot = SpotSpec{1200, 0.05, 1};
    f.spec.pools = {pool};
    f.workload = diurnal(20, 10, 1, seed);
    const RunRecord r = run(f, false);
    REQUIRE(r.served == r.offered);
    REQUIRE(r.fleet->pools[0].reclaims > 0);
    for (const RequestRow& row : r.rows) again += row.preemptions > 0;
    // A request's tokens are served once, however often it was begun.
    REQUIRE(r.pools[0].output_tokens == r.output_served);
    REQUIRE(r.pools[0].input_tokens == r.input_served);
  }
  CHECK(again > 100);
}

TEST_CASE("notices come as often as the hazard says, per hour of ready replicas") {
  Fleet f;
  PoolSpec pool = small_pool(8);
  pool.replicas = 4;
  pool.fleet.spot = SpotSpec{60, 0, 10};
  f.spec.pools = {pool};
  f.workload = diurnal(0.5, 3600, 4, 5);
  const RunRecord r = run(f, false);
  const double hours = (r.fleet->pools[0].paid_replica_s - r.fleet->pools[0].boot_replica_s) / 3600;
  const double expected = 60 * hours;
  CHECK(expected > 500);
  CHECK(std::abs(static_cast<double>(r.fleet->pools[0].reclaims) - expected) < 4 * std::sqrt(expected));
  CHECK(r.fleet->pools[0].boots == r.fleet->pools[0].reclaims);
}
