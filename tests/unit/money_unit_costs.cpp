// The bill over three kinds of tokens by four methods, the common unit, and what a solved task costs.
#include <cmath>

#include "base/rng.h"
#include "sim/economics/common_unit.h"
#include "sim/economics/unit_costs.h"
#include "tests/catch.h"
#include "tests/unit/money_support.h"

using namespace tokenfab;
using test::pool;
using test::record;
using test::rented;

namespace {

const UnitCost& method(const RunRecord& r, const std::string& name) {
  for (const UnitCost& c : r.cost.detail.unit_costs)
    if (c.method == name) return c;
  throw InternalError("no method " + name);
}

double split_sum(const RunRecord& r, const UnitCost& c) {
  const auto usd = [](double price, std::int64_t tokens) {
    return tokens > 0 ? price * static_cast<double>(tokens) / 1e6 : 0;
  };
  return usd(c.usd_per_mtok_input, r.input_served - r.cached_tokens) + usd(c.usd_per_mtok_cached, r.cached_tokens) +
         usd(c.usd_per_mtok_output, r.output_served);
}

PoolUsage in_role(PoolUsage u, const std::string& role) {
  u.role = role;
  const double busy = u.prefill_busy_seconds + u.decode_busy_seconds;
  if (role != "both")
    u.prefill_busy_seconds = role == "prefill" ? busy : 0, u.decode_busy_seconds = busy - u.prefill_busy_seconds;
  return u;
}

}  // namespace

TEST_CASE("DeepSeek's day by pools: input, uncached input and output") {
  // deepseek-ai/open-infra-index@56d8686, day 6: 608e9 input tokens, 342e9 of them cached, at 73.7k/s a node; 168e9
  // output at 14.8k/s a node; nodes of 8 chips at $2.
  const double prefill_nodes = 608e9 / 86'400 / 73'700, decode_nodes = 168e9 / 86'400 / 14'800;
  RunRecord r = record({in_role(pool("prefill", prefill_nodes * 8 * 24), "prefill"),
                        in_role(pool("decode", decode_nodes * 8 * 24), "decode")},
                       608'000'000'000, 168'000'000'000, 342'000'000'000);
  price_run(r, {rented(2), rented(2)}, std::nullopt);
  CHECK(r.cost.usd_per_mtok_in == Approx(0.06030453791647821).epsilon(1e-9));
  for (const char* name : {"pool", "busy-time", "shapley"}) {
    const UnitCost& c = method(r, name);
    CHECK(c.usd_per_mtok_input == Approx(0.13783894380909306).epsilon(1e-9));
    CHECK(c.usd_per_mtok_cached == 0);  // nothing was read from slower memories
    CHECK(c.usd_per_mtok_output == Approx(0.30030030030030025).epsilon(1e-9));
  }
}

TEST_CASE("by price ratio: the plan's prices, scaled to the bill") {
  // Azure gpt-4.1: output at 4 times input, cached input at a quarter.
  RunRecord r = record({pool("p", 10)}, 1'000'000, 500'000, 200'000);
  price_run(r, {rented(2)}, test::plan(2, 0.5, 8));
  const UnitCost& c = method(r, "price-ratio");
  CHECK(c.usd_per_mtok_input == Approx(20 / (0.8 + 0.25 * 0.2 + 4 * 0.5)).epsilon(1e-12));
  CHECK(c.usd_per_mtok_output == Approx(4 * c.usd_per_mtok_input).epsilon(1e-12));
  CHECK(c.usd_per_mtok_cached == Approx(c.usd_per_mtok_input / 4).epsilon(1e-12));
  price_run(r, {rented(2)}, std::nullopt);
  CHECK(method(r, "price-ratio").usd_per_mtok_output == Approx(20 / 1.5).epsilon(1e-12));
}

TEST_CASE("Shapley: a phase bears its own time and half the idle time; of a pool of one phase all of it") {
  PoolUsage u = pool("both", 10, 0.5);  // $10; 2 h prefill, 3 h decode, 5 h idle
  u.busy_chip_seconds = 5 * 3600, u.prefill_busy_seconds = 2 * 3600, u.decode_busy_seconds = 3 * 3600;
  RunRecord r = record({u}, 1'000'000, 1'000'000);
  price_run(r, {rented(1)}, std::nullopt);
  CHECK(method(r, "shapley").usd_per_mtok_input == Approx(2 + 2.5).epsilon(1e-12));
  CHECK(method(r, "shapley").usd_per_mtok_output == Approx(3 + 2.5).epsilon(1e-12));
  CHECK(method(r, "busy-time").usd_per_mtok_input == Approx(4).epsilon(1e-12));  // idle pro rata: 2 of 5
  // The same by its definition: the mean over both orders of what a phase adds.
  const double idle = 5, prefill = 2, decode = 3, together = idle + prefill + decode;
  CHECK(method(r, "shapley").usd_per_mtok_input ==
        Approx(0.5 * ((idle + prefill) + (together - (idle + decode)))).epsilon(1e-12));
}

TEST_CASE("reading cached prompts from slower memories is what a cached token costs") {
  PoolUsage u = pool("p", 10, 0.5);
  u.step_time = {{"cache_read", "network", "prefill", 3600}, {"mlp_gemm", "compute", "prefill", 4 * 3600.0}};
  RunRecord r = record({u}, 2'000'000, 1'000'000, 1'000'000);
  price_run(r, {rented(1)}, std::nullopt);
  const UnitCost& c = method(r, "busy-time");
  CHECK(c.usd_per_mtok_cached == Approx(1).epsilon(1e-12));
  CHECK(c.usd_per_mtok_input == Approx(4).epsilon(1e-12));
  CHECK(r.cost.usd_per_mtok_in == Approx(2.5).epsilon(1e-12));  // all input together
}

TEST_CASE("on any usage every method adds up to the bill and charges no kind less than nothing") {
  RandomStream random(5, 0, StreamPurpose::jitter);
  for (int i = 0; i < 3000; ++i) {
    std::vector<PoolUsage> pools;
    std::vector<Supply> supplies;
    const auto count = 1 + random.below(3);
    for (std::uint64_t n = 0; n < count; ++n) {
      static const char* kRoles[] = {"both", "prefill", "decode"};
      PoolUsage u = in_role(pool("p", std::exp(10 * random.uniform() - 5), random.uniform()), kRoles[random.below(3)]);
      const double busy = random.below(4) == 0 ? 0 : random.uniform();
      u.busy_chip_seconds *= busy, u.prefill_busy_seconds *= busy, u.decode_busy_seconds *= busy;
      if (random.below(2))
        u.step_time = {{"cache_read", "network", "prefill", random.uniform() * u.prefill_busy_seconds}};
      pools.push_back(u);
      supplies.push_back(rented(5 * random.uniform()));
    }
    const auto tokens = [&] { return random.below(5) == 0 ? 0 : static_cast<std::int64_t>(random.below(1'000'000)); };
    const std::int64_t input = tokens();
    const std::int64_t cached = random.below(3) == 0 ? input : random.below(2) ? 0 : input / 3;
    RunRecord r = record(pools, input, tokens(), cached);
    price_run(r, supplies, test::plan(random.uniform(), random.uniform(), 4 * random.uniform()));
    if (r.input_served + r.output_served == 0) {
      CHECK(r.cost.detail.unit_costs.empty());
      continue;
    }
    REQUIRE(r.cost.detail.unit_costs.size() == 4);
    for (const UnitCost& c : r.cost.detail.unit_costs) {
      CAPTURE(i, c.method);
      CHECK(split_sum(r, c) == Approx(r.cost.usd_total).epsilon(1e-9));
      for (const double price : {c.usd_per_mtok_input, c.usd_per_mtok_cached, c.usd_per_mtok_output})
        CHECK((std::isnan(price) || price >= 0));
      CHECK(std::isnan(c.usd_per_mtok_cached) == (r.cached_tokens == 0));
    }
  }
}

TEST_CASE("a token of a dense 70B model is ten units; a mixture counts by its active parameters") {
  CHECK(equivalent_tokens(1, 70e9) == Approx(10).epsilon(1e-12));
  CHECK(equivalent_tokens(3e6, 7e9) == Approx(3e6).epsilon(1e-12));
  CHECK(equivalent_tokens(1, 12.9e9) == Approx(1.842857142857143).epsilon(1e-12));  // Mixtral 8x7B: 46.7B, 12.9B active
  PoolUsage u = pool("p", 1);
  u.input_tokens = 3'000'000, u.output_tokens = 1'000'000;
  u.active_parameters = 70e9, u.active_weight_bytes = 70e9;  // 8 bits
  RunRecord r = record({u}, 3'000'000, 1'000'000);
  price_run(r, {rented(8)}, std::nullopt);
  CHECK(r.cost.detail.equivalent_mtok_flop == Approx(40).epsilon(1e-12));
  CHECK(r.cost.detail.equivalent_mtok_bytes == Approx(20).epsilon(1e-12));
  r.pools[0].active_parameters = 0;
  price_run(r, {rented(8)}, std::nullopt);
  CHECK(std::isnan(r.cost.detail.equivalent_mtok_flop));
}

TEST_CASE("a solved task pays for the failures before it") {
  const TaskQuality q{0.8, 2};
  CHECK(cost_per_success(0.1, q) == Approx((0.1 + 0.2 * 2) / 0.8).epsilon(1e-12));
  CHECK(cost_per_success(0.1, {1, 2}) == Approx(0.1));
  CHECK(std::isnan(cost_per_success(0.1, {0, 2})));
  // By its definition: tries until the first success, each failure paid for.
  double mean = 0;
  for (int failures = 0; failures < 200; ++failures)
    mean += 0.8 * std::pow(0.2, failures) * ((failures + 1) * 0.1 + failures * 2.0);
  CHECK(cost_per_success(0.1, q) == Approx(mean).epsilon(1e-12));
  CHECK(break_even_quality_loss(0.03, 2) == Approx(0.015));
  // At that loss the cheaper variant costs as much per try, failures included.
  CHECK(0.1 + 0.2 * 2 == Approx(0.07 + (0.2 + 0.015) * 2).epsilon(1e-12));
  RunRecord r = record({pool("p", 1)}, 10, 10);
  r.served = 40;
  price_run(r, {rented(4)}, std::nullopt);
  price_tasks(r, std::nullopt);
  CHECK(std::isnan(r.cost.detail.usd_per_task));
  price_tasks(r, q);
  CHECK(r.cost.detail.usd_per_task == Approx((0.1 + 0.2 * 2) / 0.8).epsilon(1e-12));
}
