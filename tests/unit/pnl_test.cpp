// A provider's profit and loss: DeepSeek's published day, losses, runways.
#include "sim/economics/pnl.h"

#include <cmath>

#include "sim/economics/formulas.h"
#include "tests/catch.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;

namespace {

/// deepseek-ai/open-infra-index@56d8686, day 6: 24 hours to 2025-02-28 12:00 (UTC+8), an average of 226.75 nodes of 8
/// chips at $2 an hour, 608 billion input tokens of which 342 from the cache, 168 billion output tokens.
RunRecord deepseek_day() {
  RunRecord r =
      test::record({test::pool("H800 nodes", 226.75 * 8 * 24)}, 608'000'000'000, 168'000'000'000, 342'000'000'000);
  r.makespan_s = 86'400;
  price_run(r, {test::rented(2)}, test::plan(0.55, 0.14, 2.19));
  return r;
}

/// Of a run whose every charge and cost is in proportion to its length.
PnlSummary statement(const RunRecord& r, const Provider& p) {
  const double factor = kHoursPerMonth * 3600 / r.makespan_s;
  MonthAtLoad month{r.cost.revenue_usd * factor, r.cost.usd_total * factor, r.ledger};
  for (LedgerEntry& e : month.ledger) e.usd *= factor;
  return profit_and_loss(r, p, month);
}

Provider with_cash(double usd) {
  Provider p;
  p.cash_usd = usd;
  return p;
}

}  // namespace

TEST_CASE("DeepSeek's day: cost, revenue, markup and margin as published") {
  const RunRecord r = deepseek_day();
  const PnlSummary s = statement(r, {});
  CHECK(s.cogs_usd == Approx(87'072).epsilon(1e-9));
  CHECK(s.revenue_usd == Approx(562'100).epsilon(1e-9));
  CHECK(s.revenue_usd == Approx(562'027).epsilon(2e-4));  // published, from token counts before rounding
  CHECK(s.markup == Approx(5.455576993752297).epsilon(1e-9));
  CHECK(s.gross_margin == Approx(0.845).margin(5e-4));
  CHECK(s.break_even_price_factor == Approx(0.155).margin(5e-4));
  CHECK_FALSE(s.loss_leader);
  CHECK_FALSE(s.contribution_negative);
  // The whole cost on output tokens, and on all tokens.
  CHECK(r.cost.usd_per_mtok_output_only == Approx(0.5182857142857143).epsilon(1e-9));
  CHECK(r.cost.usd_per_mtok == Approx(0.11220618556701031).epsilon(1e-9));
  CHECK(s.subsidy_usd_per_mtok == Approx((87'072.0 - 562'100) / 776'000).epsilon(1e-9));
}

TEST_CASE("unpaid tokens, a marketplace and a platform's fee come off the same day") {
  Provider p;
  p.monetised_share = 0.25;
  p.marketplace_share = 0.2;
  p.platform_fee_share = 0.1;
  p.other_cogs = {{"support", 7300}};
  const PnlSummary s = statement(deepseek_day(), p);
  CHECK(s.list_revenue_usd == Approx(562'100).epsilon(1e-9));
  CHECK(s.revenue_usd == Approx(140'525).epsilon(1e-9));
  CHECK(s.marketplace_usd == Approx(28'105).epsilon(1e-9));
  CHECK(s.platform_fee_usd == Approx(8'707.2).epsilon(1e-9));
  CHECK(s.cogs_usd == Approx(87'072 + 28'105 + 8'707.2 + 240).epsilon(1e-9));
  // At that multiple of the prices, gross profit is zero: the marketplace's share grows with them.
  CHECK(s.break_even_price_factor * 140'525 * 0.8 == Approx(87'072 + 8'707.2 + 240).epsilon(1e-9));
}

TEST_CASE("amounts of a month are the run's times 730 hours over its length") {
  Provider p = with_cash(1e6);
  p.fixed = {{"staff", 5e7}, {"research", 1e7}};
  p.other_cogs = {{"support", 73'000}};
  const PnlSummary s = statement(deepseek_day(), p);
  CHECK(s.cogs_usd_month == Approx(87'072 * 730.0 / 24 + 73'000).epsilon(1e-9));
  CHECK(s.revenue_usd_month == Approx(562'100 * 730.0 / 24).epsilon(1e-9));
  CHECK(s.net_burn_usd_month == Approx(6e7 + s.cogs_usd_month - s.revenue_usd_month).epsilon(1e-9));
  CHECK(s.runway_months == Approx(1e6 / s.net_burn_usd_month).epsilon(1e-9));
}

TEST_CASE("ten billion tokens a day sold $3 a million below cost: $30,000 a day, 10,167 days of $305 million") {
  RunRecord r = test::record({test::pool("p", 40'000)}, 5'000'000'000, 5'000'000'000);
  r.makespan_s = 86'400;
  price_run(r, {test::rented(1)}, test::plan(1, 1, 1));
  const PnlSummary s = statement(r, with_cash(305e6));
  CHECK(s.subsidy_usd_per_mtok == Approx(3).epsilon(1e-9));
  CHECK(s.loss_leader);
  CHECK(s.contribution_negative);  // rent can be given back: each token costs more than it brings
  CHECK(s.net_burn_usd_month * 24 / 730 == Approx(30'000).epsilon(1e-9));
  CHECK(s.net_burn_usd_month * 12 == Approx(10.95e6).epsilon(1e-9));
  CHECK(s.runway_months * 730 / 24 == Approx(10'166.666666667).epsilon(1e-9));
  // Where the chips are there anyway, only what varies counts against the price.
  Provider held;
  held.variable = {"energy"};
  CHECK_FALSE(statement(r, held).contribution_negative);
  CHECK(statement(r, held).loss_leader);
}

TEST_CASE("growth shortens the runway of a loss and can end the burn of a margin") {
  RunRecord r = test::record({test::pool("p", 40'000)}, 5'000'000'000, 5'000'000'000);
  r.makespan_s = 86'400;
  price_run(r, {test::rented(1)}, test::plan(1, 1, 1));
  Provider p = with_cash(10e6);
  p.growth_per_month = 0.05;
  const PnlSummary s = statement(r, p);
  // What is lost up to then is the cash: the sum of days that each lose (1 + g) to the power of their month.
  const double day = std::pow(1.05, 24.0 / 730), days = s.runway_months * 730 / 24;
  CHECK(30'000 * (std::pow(day, days) - 1) / (day - 1) == Approx(10e6).epsilon(1e-9));
  CHECK(s.runway_months < statement(r, with_cash(10e6)).runway_months);

  price_run(r, {test::rented(1)}, test::plan(5, 5, 5));  // $1 a million earned: $10,000 a day
  p.fixed = {{"staff", 400'000 * 730.0 / 24}};
  CHECK(std::isfinite(statement(r, p).runway_months));
  p.cash_usd = 1e12;
  CHECK(std::isinf(statement(r, p).runway_months));  // growth overtakes the fixed costs first
  p.growth_per_month = 0;
  CHECK(std::isfinite(statement(r, p).runway_months));
}

TEST_CASE("a profit never ends, and without cash nothing is said") {
  CHECK(std::isinf(statement(deepseek_day(), with_cash(1)).runway_months));
  CHECK(std::isnan(statement(deepseek_day(), {}).runway_months));
}

TEST_CASE("research spread over the volume: unit cost = variable + fixed / volume") {
  CHECK(amortised_unit_cost(0.25, 1e6, 4e6) == Approx(0.5).epsilon(1e-12));
  CHECK(volume_for_unit_cost(0.25, 1e6, 0.5) == Approx(4e6).epsilon(1e-12));
  CHECK(std::isinf(volume_for_unit_cost(0.25, 1e6, 0.25)));
}

TEST_CASE("a provider is read key by key, and mistakes are named") {
  const auto read = [](const char* text) {
    const nlohmann::json value = nlohmann::json::parse(text);
    return read_provider(JsonObject(value, "s.json", "/provider"));
  };
  const Provider p = read(R"({"name": "x", "fixed_usd_per_month": {"staff": 5, "rnd": 7}, "cash_usd": 9,
    "monetised_share": 0.5, "variable_accounts": ["energy"]})");
  CHECK(p.fixed.size() == 2);
  CHECK(p.variable == std::vector<std::string>{"energy"});
  CHECK(test::user_error([&] { read(R"({"cash": 9})"); }).find("cash_usd") != std::string::npos);
  CHECK(test::user_error([&] { read(R"({"monetised_share": 1.5})"); }).find("/provider/monetised_share") !=
        std::string::npos);
  CHECK_FALSE(test::user_error([&] { read(R"({"fixed_usd_per_month": {"staff": "a lot"}})"); }).empty());
  CHECK_FALSE(test::user_error([&] { read(R"({"variable_accounts": "energy"})"); }).empty());
}
