// Accounting identities over random records.
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "tests/catch.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;

namespace {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : stream_(seed, 0, StreamPurpose::arrivals) {}
  double up_to(double high) { return stream_.below(8) == 0 ? 0 : high * stream_.uniform(); }
  /// Over many orders of magnitude, above zero.
  double wide() { return std::exp(20 * stream_.uniform() - 8); }
  std::int64_t count(std::int64_t limit) {
    return static_cast<std::int64_t>(stream_.below(static_cast<std::uint64_t>(limit)));
  }

 private:
  RandomStream stream_;
};

PoolUsage random_pool(Draw& d, int i) {
  PoolUsage u = test::pool("pool " + std::to_string(i), d.wide(), d.up_to(1));
  const double busy = d.up_to(1);
  u.busy_chip_seconds *= busy;
  u.prefill_busy_seconds *= busy;
  u.decode_busy_seconds *= busy;
  u.idle_energy_j = d.up_to(1e9);
  u.dynamic_energy_j = d.up_to(1e9);
  return u;
}

Supply random_supply(Draw& d) {
  const Site site = test::site(1 + d.up_to(1), d.up_to(900), d.up_to(1000), 1 + d.up_to(9));
  if (d.count(2) == 0) return test::rented(d.up_to(10), site);
  Supply s;
  s.owned = Owned{test::price(d.up_to(5e4)),    test::price(1 + d.up_to(9), "years"),
                  test::price(d.up_to(1), "1"), test::price(d.up_to(0.3), "1/year"),
                  test::price(d.up_to(0.3)),    test::price(d.up_to(300)),
                  test::price(d.up_to(3), "kW")};
  s.site = site;
  return s;
}

/// Rows of served, rejected and unfinished requests; the record's served totals follow from them.
RunRecord random_record(Draw& d) {
  RunRecord r;
  const auto rows = d.count(300);
  const bool no_input = d.count(10) == 0, no_output = d.count(10) == 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    RequestRow row;
    row.state = static_cast<RequestState>(d.count(3));
    row.input_tokens = no_input ? 0 : static_cast<std::int32_t>(d.count(100'000));
    row.output_tokens = no_output ? 0 : static_cast<std::int32_t>(d.count(20'000));
    row.cached_tokens = row.input_tokens / 3;
    if (row.state == RequestState::served) {
      r.input_served += row.input_tokens;
      r.output_served += row.output_tokens;
      r.cached_tokens += row.cached_tokens;
    }
    r.rows.push_back(row);
  }
  const auto pools = 1 + d.count(4);
  for (int i = 0; i < pools; ++i) r.pools.push_back(random_pool(d, i));
  return r;
}

}  // namespace

TEST_CASE("on any usage: ledger = bill, unit costs x tokens = bill, request costs = bill") {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Draw d(seed);
    RunRecord r = random_record(d);
    std::vector<Supply> supplies;
    for (std::size_t i = 0; i < r.pools.size(); ++i) supplies.push_back(random_supply(d));
    const TokenPlan plan = test::plan(d.up_to(5), d.up_to(5), d.up_to(20));
    CAPTURE(seed);
    price_run(r, supplies, plan);

    long double costs = 0, revenue = 0, requests = 0;
    for (const auto& e : r.ledger) (e.account.rfind("revenue.", 0) == 0 ? revenue : costs) += e.usd;
    for (const auto& row : r.rows) requests += request_cost(r.cost, row);
    const double bill = r.cost.usd_total, tolerance = 1e-9 * bill + 1e-15;
    REQUIRE(std::fabs(static_cast<double>(costs) - bill) <= tolerance);
    REQUIRE(static_cast<double>(-revenue) == Approx(r.cost.revenue_usd).epsilon(1e-9));
    REQUIRE(!(r.cost.usd_usage > bill));
    if (r.input_served + r.output_served > 0) {
      REQUIRE(std::fabs(static_cast<double>(requests) - bill) <= tolerance);
      REQUIRE(r.cost.usd_per_mtok * static_cast<double>(r.input_served + r.output_served) / 1e6 ==
              Approx(bill).epsilon(1e-9));
    } else {
      REQUIRE(requests == 0);
    }
    if (r.cost.revenue_usd > 0 && bill > 0) {
      const double profit = r.cost.revenue_usd - bill, close = 1e-9 * std::max(r.cost.revenue_usd, bill);
      REQUIRE(r.cost.margin * r.cost.revenue_usd == Approx(profit).margin(close));
      REQUIRE(r.cost.markup * bill == Approx(profit).margin(close));
      REQUIRE(r.cost.break_even_price_factor * r.cost.revenue_usd == Approx(bill).epsilon(1e-9));
    }
  }
}

TEST_CASE("money is linear: twice the price, twice the bill; at the break-even price the margin is zero") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Draw d(seed);
    RunRecord r = random_record(d);
    r.input_served += 1000;
    r.output_served += 1000;
    const std::vector<Supply> once(r.pools.size(), test::rented(1.25)), twice(r.pools.size(), test::rented(2.5));
    price_run(r, once, test::plan(1, 1, 1));
    const CostSummary before = r.cost;
    price_run(r, twice, std::nullopt);
    REQUIRE(r.cost.usd_total == Approx(2 * before.usd_total).epsilon(1e-12));
    REQUIRE(r.cost.usd_per_mtok_in == Approx(2 * before.usd_per_mtok_in).epsilon(1e-9));
    const double p = before.break_even_price_factor;
    price_run(r, once, test::plan(p, p, p));
    REQUIRE(std::fabs(r.cost.margin) < 1e-9);
  }
}
