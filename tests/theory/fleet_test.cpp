// Gateways, regions and prices: published splits, exact delays, and what choosing saves.
#include "sim/fleet/demand_peaks.h"
#include "sim/workload/regional.h"
#include "tests/catch.h"
#include "tests/support/fleets.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

/// Requests far enough apart that each is alone.
std::vector<Request> lone_requests(int n, double apart_s) {
  std::vector<Request> out(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    Request& r = out[static_cast<std::size_t>(i)];
    r.arrival = ns_from_seconds(apart_s * (i + 1)) + 7 * i;
    r.input_tokens = 100 + 3 * i;
    r.output_tokens = 2 + i % 50;
  }
  return out;
}

PoolSpec priced_pool(double price) {
  PoolSpec pool = small_pool(64);
  pool.fleet.price = price;
  pool.fleet.price_unit = "USD per million tokens";
  return pool;
}

RunRecord run(const FactorySpec& spec, RequestSource& source, double ttft_slo_s = 0) {
  RunRecord r;
  r.slo_ttft_s = ttft_slo_s;
  r.keeps_rows = true;
  simulate(spec, source, r);
  return r;
}

RunRecord run(const FactorySpec& spec, const std::vector<Request>& requests, double ttft_slo_s = 0) {
  VectorSource source(requests);
  return run(spec, source, ttft_slo_s);
}

double share(const RunRecord& r, std::size_t pool) {
  return static_cast<double>(r.fleet->pools[pool].routed) / static_cast<double>(r.offered);
}

double bill(const RunRecord& r) {
  double usd = 0;
  for (std::size_t p = 0; p < r.pools.size(); ++p)
    usd += r.fleet->pools[p].price * static_cast<double>(r.pools[p].input_tokens + r.pools[p].output_tokens) / 1e6;
  return usd;
}

}  // namespace

TEST_CASE("inverse square of prices 1, 2, 3: 73.5, 18.4 and 8.2 %; without the second 90 and 10 %") {
  // OpenRouter's documentation of its price-weighted load balancing.
  FactorySpec spec;
  spec.router = "inverse-square-price";
  spec.pools = {priced_pool(1), priced_pool(2), priced_pool(3)};
  const auto requests = lone_requests(20'000, 0.05);
  const auto near = [](double p) { return Approx(p).margin(4 * std::sqrt(p * (1 - p) / 20'000)); };
  const RunRecord all = run(spec, requests);
  CHECK(share(all, 0) == near(36. / 49));
  CHECK(share(all, 1) == near(9. / 49));
  CHECK(share(all, 2) == near(4. / 49));
  CHECK(36. / 49 == Approx(0.735).margin(0.0005));
  CHECK(9. / 49 == Approx(0.184).margin(0.0005));
  CHECK(4. / 49 == Approx(0.082).margin(0.0005));
  spec.pools[1].fleet.outages = {{0.001, 1e6}};
  spec.gateway.exclude_s = 1e6;
  const RunRecord down = run(spec, requests);
  CHECK(share(down, 0) == near(0.9));
  CHECK(share(down, 1) == 0);
  CHECK(down.fleet->pools[1].failed_attempts == 1);
}

TEST_CASE("a failed pool is tried again when its exclusion is over, and not before") {
  FactorySpec spec;
  spec.router = "failover";
  spec.pools = {small_pool(8), small_pool(8)};
  spec.pools[0].fleet.outages = {{100, 200}};
  spec.gateway.exclude_s = 30;
  const auto requests = lone_requests(300, 1);  // one a second
  const RunRecord r = run(spec, requests);
  REQUIRE(r.served == 300);
  CHECK(r.fleet->pools[0].failed_attempts == 4);  // at 100, 130, 160 and 190 seconds
  std::int64_t second = 0;
  for (const RequestRow& row : r.rows) {
    const double at = seconds_from_ns(row.arrival);
    second += row.pool == 1;
    if (row.pool == 1) CHECK((at >= 99 && at < 222));
    if (at < 99 || at > 222) CHECK(row.pool == 0);
  }
  CHECK(second >= 120);
}

TEST_CASE("a round trip delays first and last token by itself, and nothing between") {
  FactorySpec spec;
  spec.router = "nearest";
  spec.pools = {small_pool(8)};
  spec.gateway.regions = {"here"};
  const auto requests = lone_requests(200, 2);
  spec.pools[0].fleet.rtt_s = {0};
  const RunRecord near = run(spec, requests);
  spec.pools[0].fleet.rtt_s = {0.08};
  const RunRecord far = run(spec, requests);
  REQUIRE(near.rows.size() == far.rows.size());
  for (std::size_t i = 0; i < near.rows.size(); ++i) {
    REQUIRE(far.rows[i].first_token == near.rows[i].first_token + 80'000'000);
    REQUIRE(far.rows[i].finish == near.rows[i].finish + 80'000'000);
  }
  CHECK(far.latency.tpot.sum() == near.latency.tpot.sum());
  CHECK(far.latency.queue.sum() == near.latency.queue.sum() + 200 * Int128{40'000'000});
}

TEST_CASE("nobody is sent where the way alone takes longer than the first token may") {
  FactorySpec spec;
  spec.router = "cheapest";
  spec.gateway.regions = {"here"};
  spec.pools = {priced_pool(1), priced_pool(2)};
  spec.pools[0].fleet.rtt_s = {0.3};
  spec.pools[1].fleet.rtt_s = {0.02};
  const auto requests = lone_requests(50, 1);
  CHECK(share(run(spec, requests, 0.5), 0) == 1);
  const RunRecord strict = run(spec, requests, 0.2);
  CHECK(share(strict, 1) == 1);
  CHECK(strict.served == 50);
  spec.pools.pop_back();
  const RunRecord none = run(spec, requests, 0.2);
  CHECK(none.rejected == 50);
  CHECK(none.fleet->unreachable == 50);
  CHECK(none.rejected_too_long == 0);
}

TEST_CASE("a pool at zero is ready a cold start after the decision that follows the first request") {
  FactorySpec spec;
  spec.pools = {small_pool(8)};
  spec.pools[0].replicas = 0;
  spec.pools[0].fleet.scaling.emplace();
  ScalingSpec& s = *spec.pools[0].fleet.scaling;
  s.min = 0, s.max = 2, s.target = 4;
  s.interval_s = 5;
  s.cold_start_s = 10;
  std::vector<Request> requests(3);
  for (std::size_t i = 0; i < 3; ++i) {
    requests[i].arrival = ns_from_seconds(1 + static_cast<double>(i));
    requests[i].input_tokens = 50;
    requests[i].output_tokens = 3;
  }
  const RunRecord r = run(spec, requests);
  CHECK(r.served == 3);
  CHECK(r.fleet->waited == 3);
  CHECK(r.latency.queue.max() == ns_from_seconds(14));  // decided at 5 s, ready at 15 s
  CHECK(r.latency.queue.min() == ns_from_seconds(12));
  CHECK(r.fleet->pools[0].boot_replica_s == Approx(10).epsilon(1e-12));
  spec.gateway.queue = 2;
  const RunRecord full = run(spec, requests);
  CHECK(full.rejected == 1);
  CHECK(full.fleet->gateway_full == 1);
}

TEST_CASE("pooling gain: none where all peak together, half where two regions take turns") {
  DemandPeaks together(2, 10), turns(2, 10);
  for (int i = 0; i < 8; ++i)
    for (std::size_t region = 0; region < 2; ++region) {
      const Ns at = ns_from_seconds(10.0 * i + 1);
      together.add(at, region, i % 2 ? 100 : 20);
      if (static_cast<std::size_t>(i % 2) == region) turns.add(at, region, 100);
    }
  CHECK(together.pooling_gain() == 0);
  CHECK(turns.pooling_gain() == 0.5);
  CHECK(DemandPeaks(3, 1).pooling_gain() == 0);
}

TEST_CASE("regions: shares of one profile, each at its own hour; without phases their sum is the profile") {
  const std::vector<double> profile = {0, 1, 2, 3, 4, 5};  // windows of 4 of 24 hours
  CHECK(shifted_profile(profile, 8) == std::vector<double>{2, 3, 4, 5, 0, 1});
  CHECK(shifted_profile(profile, -4) == std::vector<double>{5, 0, 1, 2, 3, 4});
  CHECK(shifted_profile(profile, 24) == profile);
  CHECK_THROWS(shifted_profile(profile, 3));
  CHECK_THROWS(shifted_profile({}, 8));
  const auto counts = [&](double phase_h) {  // per window
    std::vector<std::unique_ptr<RequestSource>> streams;
    for (std::size_t i = 0; i < 3; ++i) {
      GeneratorSpec g = diurnal(20, 600, 1, region_seed(5, i));
      g.arrivals.profile = shifted_profile(profile, phase_h * static_cast<double>(i));
      g.arrivals.profile_window_s = 100;
      streams.push_back(make_generator(g));
    }
    const auto merged = merge_regions(std::move(streams), 0);
    std::vector<double> out(6);
    RequestBatch batch;
    Ns last = 0;
    std::int64_t id = 0;
    for (merged->read(batch, 4096); !batch.requests.empty(); merged->read(batch, 4096)) {
      REQUIRE(batch.origins.size() == batch.requests.size());
      for (const Request& r : batch.requests) {
        REQUIRE(r.arrival >= last);
        REQUIRE(r.id == id++);
        last = r.arrival;
        out[std::min<std::size_t>(5, static_cast<std::size_t>(r.arrival / ns_from_seconds(100)))] += 1;
      }
    }
    return out;
  };
  const auto same = counts(0), spread = counts(8);
  for (std::size_t w = 0; w < 6; ++w) {
    const double expected = 3 * 20 * 100 * profile[w];
    CHECK(std::abs(same[w] - expected) <= 4.5 * std::sqrt(expected));
    const double mixed = 20 * 100 * (profile[w] + profile[(w + 2) % 6] + profile[(w + 4) % 6]);
    CHECK(std::abs(spread[w] - mixed) <= 4.5 * std::sqrt(mixed));
  }
}

TEST_CASE("variants: no request below its floor, and no dearer than the cheapest variant that satisfies all") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    RandomStream r(seed, 0, StreamPurpose::jitter);
    FactorySpec spec;
    spec.router = "variant";
    spec.gateway.quality_floors = {0.9, 0.6, 0.2};
    const double quality[4] = {0.25, 0.65, 0.91, 0.95};
    for (int i = 0; i < 4; ++i) {
      spec.pools.push_back(priced_pool((i + 1) * (0.5 + r.uniform())));
      spec.pools.back().fleet.quality = quality[i];
    }
    GeneratorSpec g = diurnal(10, 60, 1, seed);
    g.marks.classes = {{"a", 1, 0, 0}, {"b", 1, 1, 0}, {"c", 2, 2, 0}};
    const RunRecord mixed = run(spec, *make_generator(g), 5);
    CHECK(mixed.fleet->floor_violations == 0);
    REQUIRE(mixed.served == mixed.offered);
    const double single = std::min(spec.pools[2].fleet.price, spec.pools[3].fleet.price) *
                          static_cast<double>(mixed.input_served + mixed.output_served) / 1e6;
    CHECK(bill(mixed) < single);
    spec.router = "failover";
    CHECK(run(spec, *make_generator(g), 5).fleet->floor_violations > 0);
  }
}
