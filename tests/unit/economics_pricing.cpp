// price_run reproduces published accounts from usage alone.
#include <cmath>

#include "sim/economics/formulas.h"
#include "sim/economics/pricing.h"
#include "tests/catch.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;
using test::plan;
using test::pool;
using test::record;
using test::rented;

namespace {

// deepseek-ai/open-infra-index@56d8686, day 6 (24 h to 2025-02-28): 226.75 nodes of 8 chips at $2, 608e9 input tokens
// of which 342e9 from the cache, 168e9 output tokens; 73.7k input tokens/s per prefill node, 14.8k output per decode
// node.
constexpr double kPrefillNodes = 608e9 / 86'400 / 73'700, kDecodeNodes = 168e9 / 86'400 / 14'800;

RunRecord deepseek_day(double nodes) {
  return record({pool("V3/R1", nodes * 8 * 24, kPrefillNodes / (kPrefillNodes + kDecodeNodes))}, 608'000'000'000,
                168'000'000'000, 342'000'000'000);
}

}  // namespace

TEST_CASE("DeepSeek's day: cost, revenue, markup, margin and break-even price") {
  RunRecord r = deepseek_day(226.75);
  price_run(r, {rented(2)}, plan(0.55, 0.14, 2.19));
  CHECK(r.cost.usd_total == Approx(87'072).epsilon(1e-12));
  CHECK(r.cost.revenue_usd == Approx(562'100).epsilon(1e-12));
  CHECK(r.cost.revenue_usd == Approx(562'027).epsilon(2e-4));  // published; token counts are rounded
  CHECK(r.cost.markup == Approx(5.455576993752297).epsilon(1e-12));
  CHECK(r.cost.margin == Approx(0.8451).epsilon(1e-4));
  CHECK(r.cost.break_even_price_factor == Approx(0.155).epsilon(1e-3));
  CHECK(r.cost.usd_per_mtok == Approx(0.11220618556701031).epsilon(1e-12));
  CHECK(r.cost.usd_per_mtok_output_only == Approx(0.5182857142857143).epsilon(1e-12));
}

TEST_CASE("DeepSeek's day: prefill and decode nodes give the cost of an input and an output token") {
  CHECK(kPrefillNodes + kDecodeNodes == Approx(226.75).epsilon(1e-3));  // the published average
  RunRecord r = deepseek_day(kPrefillNodes + kDecodeNodes);
  price_run(r, {rented(2)}, std::nullopt);
  CHECK(r.cost.usd_per_mtok_in == Approx(0.06030453791647821).epsilon(1e-9));
  CHECK(r.cost.usd_per_mtok_out == Approx(0.30030030030030025).epsilon(1e-9));
  CHECK_FALSE(r.cost.has_plan);
}

TEST_CASE("a published table of throughput and cost implies one price of a node, and that price gives the table back") {
  struct Row {
    double tok_s, usd_per_mtok, node_usd_per_hour;
  };
  // Four rows of one article's table of 70B serving: naive, vLLM, TensorRT-LLM, 40 LPUs.
  for (const Row& row :
       {Row{1200, 8.50, 36.72}, Row{3800, 2.70, 36.936}, Row{7500, 1.40, 37.8}, Row{18000, 0.75, 48.6}}) {
    RunRecord r = record({pool("a node", 1, 0)}, 0, std::llround(row.tok_s * 3600));
    price_run(r, {rented(row.node_usd_per_hour)}, std::nullopt);
    CHECK(r.cost.usd_per_mtok_output_only == Approx(row.usd_per_mtok).epsilon(1e-9));
  }
}

TEST_CASE("published costs per million output tokens follow from rent and throughput") {
  struct Row {
    double usd_per_chip_hour, tok_s_per_chip, usd_per_mtok;
  };
  // ege-erdil/inference-economics@589a102, notebook outputs (H100 at 3.15 x 2/3); gmicloud.ai blog, 2026-05-28.
  for (const Row& row : {Row{2.10, 1474.77788, 0.395540}, Row{2.10, 247.10, 2.36071}, Row{2.10, 83.397, 6.99468},
                         Row{2.00, 85, 6.54}, Row{2.60, 140, 5.16}, Row{2.00, 120, 4.63}, Row{2.00, 400, 1.39}}) {
    const double hours = 1000;
    RunRecord r = record({pool("one chip", hours, 0)}, 0, std::llround(row.tok_s_per_chip * 3600 * hours));
    price_run(r, {rented(row.usd_per_chip_hour)}, std::nullopt);
    CAPTURE(row.usd_per_chip_hour, row.tok_s_per_chip);
    CHECK(r.cost.usd_per_mtok_output_only == Approx(row.usd_per_mtok).epsilon(2e-3));
    CHECK(r.cost.usd_per_mtok_out == r.cost.usd_per_mtok_output_only);
  }
}

TEST_CASE("allocation against usage cost: llm-d's example of an idle deployment") {
  // llm-d/llm-d docs/proposals/inference-costs.md@51f26d1: $4 allocated, $1 used; an API at $2 is cheaper until the
  // deployment is half busy.
  PoolUsage u = pool("llm-d", 1);
  u.busy_chip_seconds /= 4;
  RunRecord r = record({u}, 1'000'000, 1'000'000);
  price_all(r, {{rented(4)}, plan(1, 1, 1), std::nullopt, std::nullopt});
  CHECK(std::isnan(r.cost.usd_usage));  // a quarter of the time busy does not say how much more it could serve
  test::at_load(r, 0.25);
  price_all(r, {{rented(4)}, plan(1, 1, 1), std::nullopt, std::nullopt});
  CHECK(r.cost.load == Approx(0.25).epsilon(1e-12));
  CHECK(r.cost.usd_total == Approx(4).epsilon(1e-12));
  CHECK(r.cost.usd_usage == Approx(1).epsilon(1e-12));
  CHECK(r.cost.utilisation_cost == Approx(0.25).epsilon(1e-12));
  CHECK(r.cost.utilisation_time == Approx(0.25).epsilon(1e-12));
  CHECK(r.cost.revenue_usd == Approx(2).epsilon(1e-12));
  CHECK(r.cost.break_even_utilisation == Approx(0.5).epsilon(1e-9));
}

TEST_CASE("bills with cached tokens charge each class once") {
  // BerriAI/litellm#9812: 3 plain input tokens at $3, 12,304 of another class at $3.75, 550 output at $15: $0.054399,
  // not $0.091311.
  CHECK(plan_revenue(plan(3, 3.75, 15), 12'307, 12'304, 550) == Approx(0.054399).epsilon(1e-12));
  CHECK(blended_price(plan(3, 3.75, 15), 12'307, 12'304, 550) == Approx(0.054399 / 12'857 * 1e6).epsilon(1e-12));
  CHECK(std::isnan(blended_price(plan(3, 1, 15), 0, 0, 0)));
}

TEST_CASE("owned chips: capital, hosting and energy are separate rows that add up") {
  PoolUsage u = pool("own", 8760);  // a chip-year
  u.idle_energy_j = 300.0 * 8760 * 3600;
  u.dynamic_energy_j = 400.0 * 8760 * 3600;
  Supply s;
  s.owned = Owned{test::price(43'750), test::price(4, "years"), test::price(0, "1"),    test::price(0, "1/year"),
                  test::price(0.08),   test::price(184.06),     test::price(1.73, "kW")};
  s.site = test::site(1.2, 400, 876.5, 4);
  RunRecord r = record({u}, 1'000'000, 1'000'000);
  price_run(r, {s}, std::nullopt);
  REQUIRE(r.ledger.size() == 3);
  // CBRE H2 2024 hosting and SemiAnalysisAI/InferenceX-app@77ca49a power; $350,000 for 8 chips over 4 years.
  CHECK(r.ledger[0].account == "compute.capital");
  CHECK(r.ledger[0].usd / 8760 == Approx(1.249).epsilon(1e-3));
  CHECK(r.ledger[1].account == "hosting");
  CHECK(r.ledger[1].usd / 8760 == Approx(0.4362).epsilon(1e-3));
  CHECK(r.ledger[2].account == "energy");
  CHECK(r.ledger[2].usd == Approx(0.7 * 8760 * 1.2 * 0.08).epsilon(1e-12));
  CHECK(r.cost.usd_total == Approx(r.ledger[0].usd + r.ledger[1].usd + r.ledger[2].usd).epsilon(1e-12));
  CHECK(r.cost.energy_j == Approx(0.7 * 8760 * 3.6e6).epsilon(1e-12));  // before PUE
  CHECK(r.cost.carbon_operational_g == Approx(0.7 * 8760 * 1.2 * 400).epsilon(1e-12));
  CHECK(r.cost.carbon_embodied_g == Approx(876.5e3 / 4).epsilon(1e-12));
}

TEST_CASE("residual value lowers the capital charge to the loss in value plus interest") {
  PoolUsage u = pool("own", 8760);
  const auto capital = [&](double residual, double interest) {
    Supply s;
    s.owned =
        Owned{test::price(1000), test::price(5, "years"), test::price(residual, "1"), test::price(interest, "1/year"),
              test::price(0),    test::price(0),          test::price(0, "kW")};
    s.site = test::site();
    RunRecord r = record({u}, 1, 1);
    price_run(r, {s}, std::nullopt);
    return r.cost.usd_total;
  };
  CHECK(capital(0, 0.1) == Approx(263.797).epsilon(1e-5));
  CHECK(capital(1, 0.1) == Approx(100).epsilon(1e-9));  // nothing lost: interest alone
  CHECK(capital(0.25, 0) == Approx(150).epsilon(1e-12));
}

TEST_CASE("rented chips report energy and carbon but pay for neither") {
  PoolUsage u = pool("rented", 2);
  u.idle_energy_j = 3.6e6;
  RunRecord r = record({u}, 10, 10);
  price_run(r, {rented(3, test::site(1.5, 100, 8.76, 1))}, std::nullopt);
  REQUIRE(r.ledger.size() == 1);
  CHECK(r.ledger[0].account == "compute.rent");
  CHECK(r.ledger[0].party == "lessor");
  CHECK(r.cost.usd_total == Approx(6).epsilon(1e-12));
  CHECK(r.cost.energy_j == 3.6e6);
  CHECK(r.cost.carbon_operational_g == Approx(150).epsilon(1e-12));
  CHECK(r.cost.carbon_embodied_g == Approx(2).epsilon(1e-12));
}

TEST_CASE("a side without tokens or busy time leaves its cost to the other; no tokens, no unit cost") {
  RunRecord r = record({pool("p", 1, 0.3)}, 1'000'000, 0);
  price_run(r, {rented(5)}, std::nullopt);
  CHECK(r.cost.usd_per_mtok_in == Approx(5).epsilon(1e-12));
  CHECK(std::isnan(r.cost.usd_per_mtok_out));

  r = record({pool("p", 1, 0)}, 1'000'000, 1'000'000);  // all prompts from the cache, say
  price_run(r, {rented(5)}, std::nullopt);
  CHECK(r.cost.usd_per_mtok_in == 0);
  CHECK(r.cost.usd_per_mtok_out == Approx(5).epsilon(1e-12));

  r = record({pool("p", 1)}, 0, 0);
  price_run(r, {rented(5)}, plan(1, 1, 1));
  CHECK(r.cost.usd_total == Approx(5).epsilon(1e-12));
  for (const double x : {r.cost.usd_per_mtok, r.cost.usd_per_mtok_in, r.cost.usd_per_mtok_out, r.cost.margin})
    CHECK(std::isnan(x));
}

TEST_CASE("a pool that was never busy is split as the busy ones are, or evenly by token") {
  PoolUsage idle = pool("idle", 1);
  idle.busy_chip_seconds = idle.prefill_busy_seconds = idle.decode_busy_seconds = 0;
  RunRecord r = record({pool("busy", 1, 0.25), idle}, 1'000'000, 3'000'000);
  test::at_load(r, 0.25);
  price_run(r, {rented(4), rented(12)}, std::nullopt);
  CHECK(r.cost.usd_per_mtok_in == Approx(4).epsilon(1e-12));  // a quarter of $16
  CHECK(r.cost.usd_per_mtok_out == Approx(4).epsilon(1e-12));
  CHECK(r.cost.usd_usage == Approx(4).epsilon(1e-12));

  r = record({idle}, 1'000'000, 3'000'000);
  price_run(r, {rented(8)}, std::nullopt);
  CHECK(r.cost.usd_per_mtok_in == Approx(2).epsilon(1e-12));
  CHECK(r.cost.usd_per_mtok_out == Approx(2).epsilon(1e-12));
}

TEST_CASE("FLOP, bandwidth and goodput utilisation are against what was paid") {
  PoolUsage u = pool("p", 1);
  u.peak_flops = 1e15;
  u.peak_bandwidth = 3e12;
  u.flop = 0.4 * 1e15 * 3600;
  u.hbm_bytes = 0.6 * 3e12 * 3600;
  RunRecord r = record({u}, 100, 200);
  r.good_output_tokens = 150;
  price_run(r, {rented(1)}, std::nullopt);
  CHECK(r.cost.mfu == Approx(0.4).epsilon(1e-12));
  CHECK(r.cost.mbu == Approx(0.6).epsilon(1e-12));
  CHECK(r.cost.goodput_share == Approx(0.75).epsilon(1e-12));
}

TEST_CASE("every price used is listed once, with its source, and re-pricing starts afresh") {
  RunRecord r = record({pool("a", 1), pool("b", 2)}, 100, 100, 10);
  price_run(r, {rented(1), rented(1)}, plan(1, 0.5, 2));
  const std::size_t first = r.prices.size();
  CHECK(first == 8);  // one rent, four of the site, three of the plan
  for (const auto& p : r.prices) CHECK(p.source == "test");
  price_run(r, {rented(2), rented(1)}, plan(1, 0.5, 2));
  CHECK(r.prices.size() == first + 1);
  CHECK(r.ledger.size() == 5);
}

TEST_CASE("broken usage is our bug, not an answer") {
  RunRecord r = record({pool("p", 1)}, 10, 10);
  CHECK_THROWS_AS(price_run(r, {}, std::nullopt), InternalError);
  r.pools[0].paid_chip_seconds = std::nan("");
  CHECK_THROWS_AS(price_run(r, {rented(1)}, std::nullopt), InternalError);
  r = record({pool("p", 1)}, 10, 10, 11);
  CHECK_THROWS_AS(price_run(r, {rented(1)}, std::nullopt), InternalError);
}
