// A month made of a run's load, and break-evens of every kind of plan in it.
#include "sim/economics/month.h"

#include <cmath>

#include "sim/economics/breakeven.h"
#include "sim/economics/formulas.h"
#include "sim/economics/pricing.h"
#include "tests/catch.h"
#include "tests/unit/plans_support.h"

using namespace tokenfab;
using test::cell;
using test::metered_run;
using test::per_million;
using test::plan;
using test::price;

namespace {

double tokens_of(const Metered& used) { return static_cast<double>(used.total().all()); }

/// A run of 160 seconds on one chip that served a million tokens of input and as many of output.
RunRecord short_run() {
  RunRecord r = metered_run({cell(0, 1'000'000, 0, 1'000'000)}, 160.0 / 3600);
  r.pools[0].chips = 1;
  return r;
}

/// Plans of every kind that a run of random cells can be billed by, with random terms.
std::vector<PricePlan> random_plans(RandomStream& random, double tokens_a_month) {
  const auto some = [&](double most) { return most * (0.1 + random.uniform()); };
  TokenTariff tiers = flat_tariff(plan(some(2), some(1), some(4)));
  tiers.volume = {{tokens_a_month * some(0.5), 0.5 + random.uniform() / 2}};
  TokenTariff hours = flat_tariff(plan(some(2), some(1), some(4)));
  hours.off_peak = OffPeak{16 * 60 + 30, 30};
  hours.rates.push_back({"standard", 0, true, plan(some(1), some(0.5), some(2))});
  Provisioned units;
  units.units = 1, units.usd_per_unit_hour = price(some(20)), units.tokens_per_s = tokens_a_month / 2.6e6 * some(2);
  units.on_demand = flat_tariff(plan(1, 1, 2));
  ChipTime chips{price(some(1e-3)), true, some(30)};
  return {
      {"tariff", tiers},
      {"hours", hours},
      {"provisioned", units},
      {"subscription", Subscription{some(100), price(some(20)), tokens_a_month / 100 * some(1), per_million(some(3))}},
      {"pools", TokenPools{price(some(1000)), tokens_a_month * some(0.3), 0}},
      {"chips", chips},
      {"fixed", FixedOutput{FixedOutput::Per::output_mtok, per_million(some(5))}}};
}

}  // namespace

TEST_CASE("a month holds the run's tokens, in proportion, at the hours of the run") {
  RandomStream random(11, 0, StreamPurpose::jitter);
  for (int i = 0; i < 200; ++i) {
    const double hours = i % 4 == 0 ? 0.04 : i % 4 == 1 ? 1.3 : i % 4 == 2 ? 24 : 31.7;
    RunRecord r = metered_run(
        test::random_cells(random, std::max<std::uint64_t>(1, static_cast<std::uint64_t>(hours * 4)), 30), hours);
    const Metered used = metered(r), month = extended_metered(used, kHoursPerMonth);
    CHECK(tokens_of(month) == Approx(tokens_of(used) * kHoursPerMonth / hours).epsilon(1e-9));
    CHECK(month.months() == Approx(1).epsilon(1e-12));
    CHECK(month.busy_chip_s == Approx(used.busy_chip_s * kHoursPerMonth / hours).epsilon(1e-9));
    CHECK(tokens_of(without_clock(month)) == Approx(tokens_of(month)).epsilon(1e-12));
  }
  // A day of the same hour each day stays in that hour.
  RunRecord day = metered_run({cell(40, 1000, 0, 0)}, 24);
  for (const MeteredTokens& c : extended_metered(metered(day), 240).cells)
    if (c.all() > 0) CHECK(c.bin % 96 == 40);
}

TEST_CASE("what is paid once is paid once a month: boots, pools, blocks, fees") {
  const RunRecord r = short_run();
  const double runs = kHoursPerMonth * 3600 / 160;
  const auto revenue = [&](auto terms) {
    return month_at_load(r, {test::rented(2)}, PricePlan("p", std::move(terms))).revenue_usd;
  };
  CHECK(revenue(ChipTime{price(0.001), true, 8780}) == Approx(0.001 * kHoursPerMonth * 3600 + 8.78).epsilon(1e-9));
  CHECK(revenue(TokenPools{price(20'000), 2e6 * runs, 0}) == Approx(20'000).epsilon(1e-9));
  CHECK(revenue(Subscription{10, price(20), 1e9 * runs, price(0)}) == Approx(200).epsilon(1e-9));
  Supply block = test::rented(10);
  block.rent->block_hours = 24;
  CHECK(month_at_load(r, {block}, std::nullopt).compute_usd == Approx(10 * 24 * std::ceil(730.0 / 24)).epsilon(1e-9));
  CHECK(month_at_load(r, {test::rented(2)}, std::nullopt).compute_usd == Approx(2 * 730).epsilon(1e-9));
}

TEST_CASE("at a printed break-even there is neither profit nor loss, whatever the plan and the supply") {
  RandomStream random(5, 0, StreamPurpose::jitter);
  int crossings = 0, loads = 0;
  for (int i = 0; i < 30; ++i) {
    RunRecord r = metered_run(test::random_cells(random, 8, 4), 2);
    r.pools[0].chips = 1, r.pools[0].replicas = 1;
    r.pools[0].dynamic_energy_j = 1e6 * random.uniform();
    Supply supply = test::rented(0.5 + 4 * random.uniform());
    if (i % 3 == 1) {
      Rent reserved = *supply.rent;
      reserved.committed_chips = 2;
      supply.blend = {reserved, *supply.rent};
      supply.rent.reset();
    }
    const double a_month = tokens_of(metered(r)) / 2 * kHoursPerMonth;
    for (const PricePlan& p : random_plans(random, a_month)) {
      CAPTURE(i, p.name);
      std::optional<Provider> provider;
      if (i % 2)
        provider.emplace(), provider->fixed = {{"staff", 100 * random.uniform()}}, provider->marketplace_share = 0.1;
      const FactoryMonth month(r, r, {supply}, p, provider);
      const UnitCapacity capacity{1, a_month * (1 + random.uniform()) / (kHoursPerMonth * 3600), 1, "given"};
      const BreakEven b = break_even(r, month, capacity, 4, false);
      const double days = kHoursPerMonth / 24;
      for (const CurveCrossing& c : b.volumes) {
        // Just below and just above, the sign changes; at a jump it does so in one step.
        const double above = b.revenue.at(c.tokens * (1 + 1e-9)) - b.cost.at(c.tokens * (1 + 1e-9));
        const double below = b.revenue.at(c.tokens * (1 - 1e-9)) - b.cost.at(c.tokens * (1 - 1e-9));
        CHECK((above >= 0) == c.above);
        CHECK((below >= 0) != c.above);
        ++crossings;
      }
      // All of them: a fine scan finds no other.
      bool sign = b.profit_from_start;
      std::size_t seen = 0;
      const double most = 4 * capacity.tokens_per_s * 86'400;
      const bool by_the_clock = p.name == "hours" || p.name == "provisioned";  // slow to bill
      const int points = by_the_clock ? 40 : 2000;
      for (int k = 1; k <= points; ++k) {
        const bool now = b.revenue.at(most * k / points) >= b.cost.at(most * k / points);
        seen += now != sign;
        sign = now;
      }
      CHECK(seen <= b.volumes.size());
      const double load = break_even_load(month, 1, capacity.tokens_per_s * kHoursPerMonth * 3600);
      if (load > 0) {
        const double tokens = load * capacity.tokens_per_s * kHoursPerMonth * 3600;
        const auto profit = [&](double at) {
          return month.net_usd(at, 1) - month.compute_usd(at, 1) - month.fixed_usd();
        };
        CHECK(profit(tokens * (1 + 1e-9)) >= -1e-6 * month.compute_usd(tokens, 1));  // a pool more is sold there
        CHECK(profit(tokens * (1 - 1e-9)) <= 1e-6 * month.compute_usd(tokens, 1));
        ++loads;
      }
      // Prices times the factor leave nothing.
      const double net = month.net_usd(a_month, 1), cost = month.compute_usd(a_month, 1) + month.fixed_usd();
      CHECK(b.price_factor * net == Approx(cost).epsilon(1e-9));
      CHECK(b.cost.at(a_month / days) * days >= cost * (1 - 1e-9));
    }
  }
  CHECK(crossings > 50);
  CHECK(loads > 25);
}

TEST_CASE("requests' prices and costs add up to the run's") {
  RandomStream random(2, 0, StreamPurpose::jitter);
  for (int i = 0; i < 100; ++i) {
    RunRecord r = short_run();
    r.meter.clear();
    std::vector<RequestRow> rows;
    for (int n = 0; n < 50; ++n) {
      RequestRow row;
      row.state = RequestState::served;
      row.input_tokens = static_cast<std::int32_t>(1 + random.below(300'000));
      row.cached_tokens = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(row.input_tokens)));
      row.written_tokens = (row.input_tokens - row.cached_tokens) / 2;
      row.output_tokens = static_cast<std::int32_t>(1 + random.below(3000));
      row.reasoning_tokens = row.output_tokens / 3;
      row.priority = static_cast<std::uint8_t>(random.below(2)), row.tier = static_cast<std::uint8_t>(random.below(4));
      row.finish = static_cast<Ns>(random.below(160)) * 1'000'000'000;
      rows.push_back(row);
      MeterCell c = cell(0, row.input_tokens, row.cached_tokens, row.output_tokens, row.priority,
                         meter_bracket(row.input_tokens));
      c.tier = row.tier, c.written_tokens = row.written_tokens, c.reasoning_tokens = row.reasoning_tokens;
      r.meter.push_back(c);
    }
    r.input_served = r.output_served = r.cached_tokens = r.written_tokens = r.reasoning_tokens = 0, r.served = 50;
    for (const RequestRow& row : rows)
      r.input_served += row.input_tokens, r.output_served += row.output_tokens, r.cached_tokens += row.cached_tokens;
    TokenTariff t = flat_tariff(plan(1, 0.1, 4));
    t.rates[0].prices.cache_write = per_million(1.25), t.rates[0].prices.reasoning = per_million(6);
    t.rates.push_back({"batch", 0, false, plan(0.5, 0.05, 2)});
    t.rates.push_back({"standard", 128'000, false, plan(2, 0.2, 8)});
    t.tier_of_class = {"standard", "batch"};
    t.volume = {{1e6, 0.5}};
    price_all(r, {{test::rented(2)}, PricePlan("p", t), std::nullopt, std::nullopt});
    double usd = 0, cost = 0;
    for (const RequestRow& row : rows) usd += r.price_row(row).price_usd, cost += r.price_row(row).cost_usd;
    CHECK(usd == Approx(r.cost.revenue_usd).epsilon(1e-9));
    CHECK(cost == Approx(r.cost.usd_total).epsilon(1e-9));
  }
}
