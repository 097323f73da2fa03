// The closed forms give the figures that public sources print.
#include <cmath>

#include "sim/economics/formulas.h"
#include "tests/catch.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;

TEST_CASE("capital recovery factors match the printed tables") {
  CHECK(capital_recovery_factor(0.08, 4) == Approx(0.301921).epsilon(1e-6));
  CHECK(capital_recovery_factor(0.10, 4) == Approx(0.315471).epsilon(1e-6));
  CHECK(capital_recovery_factor(0.10, 5) == Approx(0.263797).epsilon(2e-6));
  CHECK(capital_recovery_factor(0.10, 6) == Approx(0.229607).epsilon(2e-6));
}

TEST_CASE("the capital recovery factor is the payment whose present value is 1, at any rate and life") {
  for (const double rate : {1e-12, 1e-6, 0.01, 0.1, 0.5})
    for (const int years : {1, 3, 10, 40}) {
      double present = 0;
      for (int y = 1; y <= years; ++y) present += capital_recovery_factor(rate, years) * std::pow(1 + rate, -y);
      CAPTURE(rate, years);
      CHECK(present == Approx(1).epsilon(1e-9));
      CHECK(capital_recovery_factor(rate, years) - sinking_fund_factor(rate, years) == Approx(rate).margin(1e-12));
    }
  CHECK(capital_recovery_factor(0, 4) == 0.25);
  CHECK(sinking_fund_factor(0, 4) == 0.25);
}

TEST_CASE("straight-line cost per productive hour") {
  // computetape, H100 at $30,000 and 6,100 productive hours a year: $1.64 over 3 years, $0.98 over 5.
  CHECK(straight_line_usd_per_hour(30'000, 0, 3, 6'100) == Approx(1.639344262295082).epsilon(1e-12));
  CHECK(straight_line_usd_per_hour(30'000, 0, 5, 6'100) == Approx(0.9836065573770492).epsilon(1e-12));
  CHECK(straight_line_usd_per_hour(30'000, 6'000, 5, 6'000) == Approx(0.8).epsilon(1e-12));
}

TEST_CASE("margin is on price and markup is on cost") {
  // deepseek-ai/open-infra-index@56d8686, day 6: $562,027 revenue a day, $87,072 cost, "cost profit margin" 545 %.
  CHECK(markup_on_cost(562'027, 87'072) == Approx(5.454738607129732).epsilon(1e-12));
  CHECK(gross_margin(562'027, 87'072) == Approx(0.8450750586715585).epsilon(1e-12));
  CHECK(std::isnan(gross_margin(0, 1)));
  CHECK(std::isnan(markup_on_cost(1, 0)));
}

TEST_CASE("operational carbon matches LLMCarbon's database") {
  // SotaroKaneda/MLCarbon@b54d8fe data/database.csv: energy in MWh (PUE included), kgCO2e/kWh, published tCO2e.
  struct Row {
    double mwh, grid, exact, published;
  };
  for (const Row& row : {Row{85.7, 0.545, 46.7065, 46.7}, Row{1287, 0.429, 552.123, 552.1},
                         Row{24.1, 0.177, 4.2657, 4.3}, Row{179, 0.33, 59.07, 59.1}, Row{94.4, 0.413, 38.9872, 39}}) {
    const double tonnes = operational_carbon_g(row.mwh * 1000 * kJoulesPerKwh, 1, row.grid * 1000) / 1e6;
    CHECK(tonnes == Approx(row.exact).epsilon(1e-12));
    CHECK(tonnes == Approx(row.published).epsilon(0.01));
  }
  // The same file: GPT-3, 10,000 V100 at 330 W for 14.8 days, PUE 1.1: 1287 MWh published.
  const double joules = 330.0 * 10'000 * 14.8 * 86'400;
  CHECK(operational_carbon_g(joules, 1.1, 1) / 1000 == Approx(1289.376).epsilon(1e-12));
}

TEST_CASE("embodied carbon matches LLMCarbon's XLM example") {
  // SotaroKaneda/MLCarbon@b54d8fe data/hardware.csv: (cm2 or GB) x kgCO2 per unit x number; 20.4 days of 5 years, 0.66
  // t published.
  const double kg = 1.47 * 1 * 64 + 256 * 0.4 * 64 + 32'768 * 0.018 * 64 + 8.15 * 1.2 * 512 + 111.6 * 1.2 * 64;
  const double tonnes = embodied_carbon_g(kg, 20.4 * 86'400, 5) / 1e6;
  CHECK(tonnes == Approx(0.6480454698082191).epsilon(1e-12));
  CHECK(tonnes / 0.66 - 1 == Approx(-0.018).margin(5e-4));
}

TEST_CASE("one replica breaks even where the line meets its cost") {
  // Amazon Bedrock: a model unit at $39.60 an hour against $0.99 per million tokens: 40 million tokens an hour.
  const auto crossings = break_even_volumes(39.60, 100e6, 0.99, 1);
  REQUIRE(!crossings.empty());
  CHECK(crossings[0].tokens == Approx(40e6).epsilon(1e-12));
  CHECK(crossings[0].profit_above);
}

TEST_CASE("break-even against whole replicas finds every crossing, and none where a full replica loses") {
  // A replica costs 10 and earns 12 when full: profit holds between 10/12 and 1, 20/12 and 2, 30/12 and 3, 40/12 and 4,
  // and from 50/12 on for good.
  const auto crossings = break_even_volumes(10, 1e6, 12, 100);
  REQUIRE(crossings.size() == 9);
  for (std::size_t i = 0; i < crossings.size(); ++i) {
    const double n = static_cast<double>(i / 2 + 1);
    CHECK(crossings[i].profit_above == (i % 2 == 0));
    CHECK(crossings[i].tokens == Approx(i % 2 == 0 ? n * 10 / 12 * 1e6 : n * 1e6).epsilon(1e-12));
  }
  CHECK(break_even_volumes(10, 1e6, 9.99, 100).empty());
}

TEST_CASE("the crossings agree with profit computed volume by volume") {
  const double cost = 7, capacity = 1000, price = 8.3e3;  // USD, tokens, USD per million tokens
  const auto profitable = [&](double v) { return v * price / 1e6 >= std::ceil(v / capacity) * cost; };
  std::vector<BreakEvenVolume> seen;
  for (double v = 0.5; v < 20 * capacity; v += 1)
    if (profitable(v) != profitable(v + 1)) seen.push_back({v + 0.5, profitable(v + 1)});
  const auto crossings = break_even_volumes(cost, capacity, price, 20);
  REQUIRE(crossings.size() == seen.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CHECK(crossings[i].tokens == Approx(seen[i].tokens).margin(1));
    CHECK(crossings[i].profit_above == seen[i].profit_above);
  }
}
