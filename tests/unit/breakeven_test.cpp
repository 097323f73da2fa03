// Break-even price, utilisation and volume of recorded runs; published examples to the printed digits.
#include "sim/economics/breakeven.h"

#include <cmath>

#include "scenarios/capacity.h"
#include "sim/economics/formulas.h"
#include "tests/catch.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;

namespace {

/// An hour of `replicas` replicas of 8 chips at $`rent` a chip-hour, half busy, that served 1 M + 1 M tokens each.
RunRecord an_hour(int replicas) {
  PoolUsage u = test::pool("p", 8.0 * replicas);
  u.replicas = replicas;
  u.chips = 8 * replicas;
  for (double* s : {&u.busy_chip_seconds, &u.prefill_busy_seconds, &u.decode_busy_seconds}) *s *= 0.5;
  RunRecord r = test::record({u}, 1'000'000 * replicas, 1'000'000 * replicas);
  r.served = 1000 * replicas;
  r.makespan_s = 3600;
  return r;
}

Supply owned() {
  Supply s;
  s.owned = Owned{test::price(30'000), test::price(4, "years"), test::price(0.1, "1"), test::price(0.1, "1/year"),
                  test::price(0.1),    test::price(150),        test::price(1.5, "kW")};
  s.site = test::site(1.2);
  return s;
}

FactoryMonth month(const RunRecord& r, const std::vector<Supply>& supply, const PricePlan& plan,
                   const std::optional<Provider>& provider = std::nullopt) {
  return {r, r, supply, plan, provider};
}

/// The volume share at which a bill that is paid whole meets one that grows with use.
double break_even_share(double whole_usd, double used_usd_when_full) {
  const CostCurve whole{"whole", whole_usd, 0, 0, 1}, used{"used", 0, used_usd_when_full * 1e6, 0, 1};
  const auto crossings = curve_crossings(used, whole, 1);
  REQUIRE(crossings.size() == 1);
  CHECK(crossings[0].above);
  return crossings[0].tokens;
}

}  // namespace

TEST_CASE("what is paid whole against what is paid as used: published shares") {
  // An API at $750 a month against a GPU at $1.50 an hour that is released while idle: 68.49 %.
  CHECK(break_even_share(750, 1.50 * kHoursPerMonth) == Approx(0.684931506849315).epsilon(1e-12));
  // A year's reservation of a p5.48xlarge at $52 an hour, and a capacity block at $39.33, against $98.32 on demand.
  CHECK(break_even_share(52, 98.32) == Approx(0.5288852725793328).epsilon(1e-12));
  CHECK(break_even_share(39.33, 98.32) == Approx(0.40002034174125306).epsilon(1e-12));
}

TEST_CASE("a Bedrock model unit at $39.60 an hour breaks even at 11,111 tokens a second at $0.99 a million") {
  RunRecord r = test::record({test::pool("unit", 1)}, 50'000'000, 50'000'000);
  r.served = 1000;
  r.makespan_s = 3600;
  r.pools[0].chips = 1;
  const std::vector<Supply> supply = {test::rented(39.60)};
  const UnitCapacity capacity{1, 100e6 / 3600, 1, "given"};
  const BreakEven b = break_even(r, month(r, supply, test::plan(0.99, 0.99, 0.99)), capacity, 1, false);
  REQUIRE(!b.volumes.empty());
  CHECK(b.volumes[0].tokens / 24 == Approx(40e6).epsilon(1e-9));
  CHECK(b.volumes[0].tokens / 86'400 == Approx(11'111.111111).epsilon(1e-9));
  CHECK(b.utilisation == Approx(0.4).epsilon(1e-9));
  CHECK(b.full_usd_per_mtok == Approx(0.396).epsilon(1e-9));
}

TEST_CASE("the API's price over full cost is the break-even utilisation") {
  // llm-d's cost proposal: $1 of use in $4 of allocation, against an API at $2: half of capacity.
  RunRecord r = an_hour(1);
  const std::vector<Supply> supply = {test::rented(1)};
  const CostOfUnit cost = unit_cost(r, supply);
  CHECK(cost.usd_per_hour == Approx(8).epsilon(1e-12));
  CHECK(cost.usd_per_mtok == 0);
  const UnitCapacity capacity{1, 8e6 / 3600, 1, "given"};
  const BreakEven b = break_even(r, month(r, supply, test::plan(2, 2, 2)), capacity, 4, false);
  CHECK(b.full_usd_per_mtok == Approx(1).epsilon(1e-12));
  CHECK(b.utilisation == Approx(0.5).epsilon(1e-12));
  CHECK(b.price_factor == Approx(8.0 / 4).epsilon(1e-12));
  // At the break-even factor the run's margin is zero.
  price_run(r, supply, test::plan(2 * b.price_factor, 2 * b.price_factor, 2 * b.price_factor));
  CHECK(r.cost.margin == Approx(0).margin(1e-12));
}

TEST_CASE("unprofitable at every volume is an answer, and so is profit at any") {
  RunRecord r = an_hour(1);
  const std::vector<Supply> supply = {test::rented(1)};
  const UnitCapacity capacity{1, 8e6 / 3600, 1, "given"};
  const BreakEven never = break_even(r, month(r, supply, test::plan(0.9, 0.9, 0.9)), capacity, 1000, false);
  CHECK(never.volumes.empty());
  CHECK_FALSE(never.profit_from_start);
  CHECK(std::isnan(never.utilisation));  // not even full
  const BreakEven released = break_even(r, month(r, supply, test::plan(1.1, 1.1, 1.1)), capacity, 1000, true);
  CHECK(released.volumes.empty());
  CHECK(released.profit_from_start);
}

TEST_CASE("fees, unpaid tokens and fixed costs move every answer") {
  RunRecord r = an_hour(1);
  const std::vector<Supply> supply = {test::rented(1)};
  Provider p;
  p.monetised_share = 0.5;
  p.marketplace_share = 0.2;
  p.platform_fee_share = 0.25;
  p.fixed = {{"staff", 730}};
  const UnitCapacity capacity{1, 10e6 / 3600, 1, "given"};
  const BreakEven b = break_even(r, month(r, supply, test::plan(4, 4, 4), p), capacity, 8, false);
  CHECK(b.net_usd_per_mtok == Approx(1.6).epsilon(1e-12));
  // At the run's volume, an hour earns 3.2 and costs 10, and $1 of what is fixed.
  CHECK(b.price_factor == Approx(11 / 3.2).epsilon(1e-12));
  CHECK(b.utilisation == Approx(10.0 / 16).epsilon(1e-12));
  // An hour of a full replica earns 16 and costs 10, of which $1 an hour has to carry the fixed cost.
  REQUIRE(!b.volumes.empty());
  CHECK(b.revenue.at(b.volumes[0].tokens) == Approx(24 * (10 + 1)).epsilon(1e-9));
}

TEST_CASE("a unit's cost of a run is its bill: held by the hour, and the rest by the token") {
  RunRecord r = an_hour(2);
  r.pools[0].idle_energy_j = 5e7;
  r.pools[0].dynamic_energy_j = 9e7;
  const std::vector<Supply> supply = {owned()};
  price_run(r, supply, std::nullopt);
  const CostOfUnit c = unit_cost(r, supply);
  CHECK(c.usd_per_mtok == Approx(9e7 / kJoulesPerKwh * 1.2 * 0.1 / 4).epsilon(1e-9));
  CHECK(2 * c.usd_per_hour + c.usd_per_mtok * 4 == Approx(r.cost.usd_total).epsilon(1e-9));
}

TEST_CASE("the capacity of a stored run is what was found for it, or its throughput where it was saturated") {
  RunRecord r = an_hour(2);
  price_run(r, {test::rented(1)}, std::nullopt);
  CHECK(capacity_of_run(r).tokens_per_s == 0);  // half busy says nothing: a batch may hold many more
  r.capacity.low_rps = 4;
  CHECK(capacity_of_run(r).requests_per_s == Approx(2).epsilon(1e-12));  // of a replica
  CHECK(capacity_of_run(r).tokens_per_s == Approx(2 * 2000).epsilon(1e-12));
  r.capacity = {};
  r.saturated = true;
  CHECK(capacity_of_run(r).tokens_per_s == Approx(4e6 / 3600 / 2).epsilon(1e-12));
  r.served = 0;
  CHECK(capacity_of_run(r).tokens_per_s == 0);
}

TEST_CASE("tax takes its share of what buying saves, and gives back of what is written off") {
  // capex 100,000 over 4 years at 10 %, no residual; 50,000 a year saved before tax; straight line.
  RunRecord r = an_hour(1);
  r.pools[0].chips = 8;
  Supply own = owned();
  own.owned->capex_usd_per_chip.value = 12'500;
  own.owned->residual_share.value = 0;
  own.owned->hosting_usd_per_kw_month.value = 0;
  own.owned->electricity_usd_per_kwh.value = 0;
  const double rent = 50'000.0 / (8 * kHoursPerYear);
  const auto annuity = [](double yearly) { return yearly * (1 - std::pow(1.1, -4)) / 0.1; };
  CHECK(purchase(r, {test::rented(rent)}, {own}).npv_usd == Approx(annuity(50'000) - 100'000).epsilon(1e-9));
  own.owned->tax_rate.value = 0.25;
  const Purchase taxed = purchase(r, {test::rented(rent)}, {own});
  CHECK(taxed.npv_usd == Approx(annuity(50'000 * 0.75 + 0.25 * 25'000) - 100'000).epsilon(1e-9));
  CHECK(taxed.tax_rate == 0.25);
}

TEST_CASE("buying instead of renting: flows, present value and payback follow from the two supplies") {
  RunRecord r = an_hour(1);
  r.pools[0].idle_energy_j = 8 * 3.6e6;  // 1 kW a chip
  const Purchase p = purchase(r, {test::rented(2)}, {owned()});
  CHECK(p.capex_usd == 8 * 30'000);
  CHECK(p.rent_usd_per_year == Approx(8 * 2 * 8760).epsilon(1e-12));
  CHECK(p.running_usd_per_year == Approx(8 * (1.5 * 150 * 12 + 8760 * 1.2 * 0.1)).epsilon(1e-9));
  REQUIRE(p.flows.size() == 5);
  const double saving = p.rent_usd_per_year - p.running_usd_per_year;
  CHECK(p.flows[4] == Approx(saving + 24'000).epsilon(1e-12));
  double npv = 0;
  for (std::size_t y = 0; y < p.flows.size(); ++y) npv += p.flows[y] * std::pow(1.1, -static_cast<double>(y));
  CHECK(p.npv_usd == Approx(npv).epsilon(1e-9));
  CHECK(p.payback_years == Approx(240'000 / saving).epsilon(1e-9));
  const Purchase dear = purchase(r, {test::rented(0.01)}, {owned()});
  CHECK(dear.npv_usd < 0);
  CHECK(std::isinf(dear.payback_years));
}

TEST_CASE("the searched capacity is the highest steady rate, whatever the number of requests and of replicas") {
  const auto scenario = [](int replicas, int requests, double rate) {
    return parse_scenario(R"({"name": "s", "workload": {"generate": {"arrivals": {"rate": )" + std::to_string(rate) +
                              R"(}, "input_tokens": 300, "output_tokens": {"geometric": 40}, "max_requests": )" +
                              std::to_string(requests) + R"(}}, "slo": {"ttft_s": 1, "tpot_s": 0.2},
      "pools": [{"llm": "llama-3.1-8b", "chip": "l4", "replicas": )" +
                              std::to_string(replicas) + R"(, "supply": {"rent": {"usd_per_chip_hour": 1.0}}}]})",
                          "s.json", {});
  };
  const Scenario one = scenario(1, 3000, 1);
  const Alternative& a = one.alternatives[0];
  const FoundCapacity found = find_capacity(one, a);
  CHECK(found.attained >= 0.95);
  CHECK_FALSE(found.at.saturated);
  CHECK(found.unit.tokens_per_s == Approx(found.unit.requests_per_s * 340).epsilon(0.05));
  CHECK(found.unit.requests_per_s_high > found.unit.requests_per_s);
  CHECK(found.unit.requests_per_s_high < 1.1 * found.unit.requests_per_s);
  for (const Scenario& other : {scenario(3, 3000, 1), scenario(1, 50, 1), scenario(1, 3000, 9)}) {
    const FoundCapacity again = find_capacity(other, other.alternatives[0]);
    CHECK(again.unit.requests_per_s < found.unit.requests_per_s_high);
    CHECK(again.unit.requests_per_s_high > found.unit.requests_per_s);
  }
  // Four times as many fresh requests are served within the SLO there, and not at the other end of the interval.
  for (const auto& [scale, kept] : {std::pair(found.rate_scale, true), std::pair(found.scale_high * 1.02, false)}) {
    Alternative longer = a;
    longer.workload = sped_up(a.workload, scale, 4 * kCapacityRequests);
    const RunRecord r = run_once(one, longer, 7, {});
    CHECK((!r.saturated && static_cast<double>(r.good_requests) >= 0.95 * static_cast<double>(r.offered)) == kept);
  }
}

TEST_CASE("a factory too slow for a lone request has no capacity, and a closed loop no rate to search") {
  const std::string pools = R"("pools": [{"llm": "llama-3.1-8b", "chip": "l4"}]})";
  const Scenario slow = parse_scenario(
      R"({"workload": {"use": "azure-conv-2023", "max_requests": 50}, "slo": {"tpot_s": 0.0001}, )" + pools, "s.json",
      {});
  CHECK_THROWS_AS(find_capacity(slow, slow.alternatives[0]), Infeasible);
  const Scenario loop = parse_scenario(
      R"({"workload": {"sessions": {"users": 2, "max_sessions": 4, "turns": 2, "first_prompt_tokens": 100,
        "new_tokens": 10, "output_tokens": 10, "think_ms": 100}}, )" +
          pools,
      "s.json", {});
  CHECK_THROWS_AS(find_capacity(loop, loop.alternatives[0]), UserError);
}
