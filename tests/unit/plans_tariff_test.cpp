// Pay per token: published bills to the digit, and what must hold for any meter.
#include "sim/economics/formulas.h"
#include "sim/economics/plans/plan.h"
#include "tests/catch.h"
#include "tests/unit/plans_support.h"

using namespace tokenfab;
using test::cell;
using test::metered_run;
using test::plan;
using test::with_cache_write;

namespace {

double billed(const PricePlan& terms, const RunRecord& r) { return bill_of(terms, r).usd; }

PricePlan named(TokenTariff t) { return {"tariff", std::move(t)}; }

TokenTariff deepseek_r1(const char* clock_start = "00:00") {
  TokenTariff t = flat_tariff(plan(0.55, 0.14, 2.19));
  t.off_peak = OffPeak{16 * 60 + 30, 30};
  t.rates.push_back({"standard", 0, true, plan(0.135, 0.035, 0.55)});
  t.clock_start = std::stoi(clock_start) * 60;
  return t;
}

/// A tariff with batch and long-prompt prices, volume tiers and cache writes.
TokenTariff everything(RandomStream& random) {
  const auto prices = [&] {
    return with_cache_write(plan(5 * random.uniform(), random.uniform(), 20 * random.uniform()), 6 * random.uniform());
  };
  TokenTariff t = flat_tariff(prices());
  t.rates.push_back({"standard", 200'000, false, prices()});
  t.rates.push_back({"batch", 0, false, prices()});
  t.rates.push_back({"batch", 272'000, false, prices()});
  t.tier_of_class = {"standard", "batch"};
  t.cache_write_share = random.uniform();
  t.volume = {{1e9 * random.uniform(), 0.9}, {3e9, 0.7}, {9e9, 0.5}};
  return t;
}

}  // namespace

TEST_CASE("DeepSeek's day by kind of token: 47,880 + 146,300 + 367,920 = 562,100 USD") {
  // deepseek-ai/open-infra-index@56d8686, day 6; 342e9 of 608e9 input tokens were hits.
  const Bill bill =
      bill_of(plan(0.55, 0.14, 2.19), metered_run({cell(0, 608'000'000'000, 342'000'000'000, 168'000'000'000)}, 24));
  CHECK(test::line_of(bill, "cached_input").usd == Approx(47'880).epsilon(1e-12));
  CHECK(test::line_of(bill, "input").usd == Approx(146'300).epsilon(1e-12));
  CHECK(test::line_of(bill, "output").usd == Approx(367'920).epsilon(1e-12));
  CHECK(bill.usd == Approx(562'100).epsilon(1e-12));
  CHECK(0.55 / 0.14 == Approx(4).epsilon(0.02));  // a miss costs about four hits
}

TEST_CASE("published single bills, to the digit") {
  TokenTariff sonnet = flat_tariff(with_cache_write(plan(3, 0.3, 15), 3.75));
  sonnet.cache_write_share = 12'304.0 / 12'307;
  // BerriAI/litellm#9812: 3 plain, 12,304 written to the cache, 550 output.
  CHECK(billed(named(sonnet), metered_run({cell(0, 12'307, 0, 550)}, 1)) == Approx(0.054399).epsilon(1e-12));
  // BerriAI/litellm#15945, gpt-5: the 9,126 prompt tokens include the 4,864 cached ones.
  CHECK(billed(plan(1.25, 0.125, 10), metered_run({cell(0, 9'126, 4'864, 3'197)}, 1)) ==
        Approx(0.0379055).epsilon(1e-12));
  CHECK(billed(plan(0.39, 0.39, 0.39), metered_run({cell(0, 2'000, 0, 3'000)}, 1)) == Approx(0.00195).epsilon(1e-12));
  // $5 buys 16.7 million output tokens at $0.30 a million.
  CHECK(billed(plan(0, 0, 0.30), metered_run({cell(0, 0, 0, 16'666'667)}, 1)) == Approx(5).epsilon(1e-7));
}

TEST_CASE("off-peak prices hold from 16:30 to 00:30 UTC, over midnight, whatever the clock's start") {
  const auto usd = [](const TokenTariff& t, std::int64_t bin) {
    return billed(named(t), metered_run({cell(bin, 1'000'000, 0, 0)}, 24));
  };
  const TokenTariff t = deepseek_r1();
  CHECK(usd(t, 0) == Approx(0.135));        // 00:00
  CHECK(usd(t, 1) == Approx(0.135));        // 00:15
  CHECK(usd(t, 2) == Approx(0.55));         // 00:30
  CHECK(usd(t, 65) == Approx(0.55));        // 16:15
  CHECK(usd(t, 66) == Approx(0.135));       // 16:30
  CHECK(usd(t, 95) == Approx(0.135));       // 23:45
  CHECK(usd(t, 96 + 66) == Approx(0.135));  // the next day
  const TokenTariff late = deepseek_r1("16:00");
  CHECK(usd(late, 0) == Approx(0.55));
  CHECK(usd(late, 2) == Approx(0.135));
  CHECK(usd(late, 34) == Approx(0.55));  // 00:30
}

TEST_CASE("a whole request is charged at the prices of its prompt's bracket and its class's tier") {
  TokenTariff t = flat_tariff(plan(1, 0.5, 4));
  t.rates.push_back({"standard", 200'000, false, plan(2, 1, 6)});
  t.rates.push_back({"batch", 0, false, plan(0.5, 0.25, 2)});
  t.tier_of_class = {"standard", "batch"};
  const auto usd = [&](std::int64_t prompt, int priority) {
    return billed(named(t), metered_run({cell(0, prompt, 0, 1'000, priority, meter_bracket(prompt))}, 1));
  };
  CHECK(usd(200'000, 0) == Approx(0.2 + 0.004));
  CHECK(usd(200'001, 0) == Approx(0.400002 + 0.006));
  CHECK(usd(300'000, 0) == Approx(0.6 + 0.006));
  CHECK(usd(300'000, 1) == Approx(0.15 + 0.002));  // the tier lists no long-prompt price
  CHECK(usd(100'000, 7) == Approx(0.1 + 0.004));   // classes without a tier are standard
}

TEST_CASE("an off-peak table with the same prices is the same bill, exactly") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomStream random(seed, 0, StreamPurpose::arrivals);
    const TokenPlan prices = plan(random.uniform(), random.uniform() / 3, 3 * random.uniform());
    const RunRecord r = metered_run(test::random_cells(random, 200, 1 + random.below(40)), 50);
    TokenTariff t = flat_tariff(prices);
    t.off_peak = OffPeak{15 * static_cast<int>(random.below(96)), 15 * static_cast<int>(random.below(96))};
    t.rates.push_back({"standard", 0, true, prices});
    CAPTURE(seed);
    REQUIRE(billed(named(t), r) == billed(prices, r));
  }
}

TEST_CASE("on any meter: the bills of single requests sum to the plan's bill, and the lines to the bill") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomStream random(seed, 0, StreamPurpose::input_length);
    const TokenTariff t = everything(random);
    const RunRecord r = metered_run(test::random_cells(random, 200, 1 + random.below(60)), 50);
    const Metered used = metered(r);
    const Bill bill = bill_of(named(t), r);
    const double factor = volume_factor(t, static_cast<double>(used.total().all()), used.months());
    long double requests = 0, lines = 0;
    for (const MeteredTokens& c : used.cells) requests += list_usd(t, c) * factor;  // a cell of one request each
    for (const BillLine& l : bill.lines) lines += l.usd;
    CAPTURE(seed);
    REQUIRE(static_cast<double>(requests) == Approx(bill.usd).epsilon(1e-12));
    REQUIRE(static_cast<double>(lines) == Approx(bill.usd).epsilon(1e-12));
  }
}

TEST_CASE("volume tiers: the bill is continuous in volume and never falls, and its slope is the tier's price") {
  TokenTariff t = flat_tariff(plan(1, 1, 1));
  t.volume = {{1e9, 0.8}, {5e9, 0.5}};
  const double month = kHoursPerMonth;
  const auto usd = [&](double tokens) { return tokens * volume_factor(t, tokens, 1) / 1e6; };
  CHECK(usd(1e9) == Approx(1000));
  CHECK(usd(5e9) == Approx(1000 + 3200));
  CHECK(usd(6e9) == Approx(4700));
  for (const double at : {1e9, 5e9}) CHECK(usd(at * (1 + 1e-9)) == Approx(usd(at * (1 - 1e-9))).epsilon(1e-8));
  CHECK(usd(7e9) - usd(6e9) == Approx(500));
  const Bill bill = bill_of(named(t), metered_run({cell(0, 6'000'000'000, 0, 0)}, month));
  CHECK(bill.usd == Approx(4700));
  CHECK(test::line_of(bill, "input").list_usd == Approx(6000));
  // A run of half a month reaches the tiers with half the tokens.
  CHECK(billed(named(t), metered_run({cell(0, 3'000'000'000, 0, 0)}, month / 2)) == Approx(2350));
}
