// Demand, shares, learning and subsidy against printed worked examples and their limits.
#include <cmath>

#include "base/rng.h"
#include "sim/economics/demand.h"
#include "tests/catch.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;

TEST_CASE("an elasticity of -1.11: a tenth off, a price halved, and a monopolist's price") {
  // Short-run elasticity between providers of one open model on OpenRouter, NBER "The Emerging Market for
  // Intelligence".
  CHECK(quantity_factor(0.9, -1.11) - 1 == Approx(0.12406341889042394).epsilon(1e-9));
  CHECK(revenue_factor(0.9, -1.11) - 1 == Approx(0.011657077001381744).epsilon(1e-9));
  CHECK(quantity_factor(0.5, -1.11) == Approx(2.1584564730088545).epsilon(1e-9));
  CHECK(revenue_factor(0.5, -1.11) == Approx(1.0792282365044272).epsilon(1e-9));
  CHECK(lerner_price_over_cost(-1.11) == Approx(10.090909090909083).epsilon(1e-9));
  CHECK(test::user_error([] { lerner_price_over_cost(-1); }).find("below -1") != std::string::npos);
}

TEST_CASE("implied elasticities of published reactions") {
  CHECK(implied_elasticity(0.9, 1.12) == Approx(-1.0756276637355762).epsilon(1e-9));
  CHECK(implied_elasticity(0.9, 1.18) == Approx(-1.5709342104503905).epsilon(1e-9));
  CHECK(std::isnan(implied_elasticity(1, 1.2)));
  for (const double e : {-3.0, -1.0, -0.2}) CHECK(implied_elasticity(0.7, quantity_factor(0.7, e)) == Approx(e));
}

TEST_CASE("a market table's revenues at its prices imply its volumes, growth and elasticities") {
  // An article's projection of 2025: billions of dollars a year at USD per million tokens, year by year.
  const std::vector<double> usd = {8.5e9, 18.2e9, 35e9, 65e9}, price = {2.50, 1.20, 0.60, 0.30};
  const std::vector<double> per_day = {9315068493150.686, 41552511415525.12, 159817351598173.53, 593607305936073.1};
  const std::vector<double> growth = {4.46078431372549, 3.8461538461538463, 3.7142857142857144};
  const std::vector<double> elasticity = {-2.037312541774368, -1.9434164716336328, -1.893084796083488};
  std::vector<double> tokens;
  for (std::size_t y = 0; y < usd.size(); ++y) {
    tokens.push_back(usd[y] / price[y] * 1e6 / 365);
    CHECK(tokens[y] == Approx(per_day[y]).epsilon(1e-9));
    if (y == 0) continue;
    CHECK(tokens[y] / tokens[y - 1] == Approx(growth[y - 1]).epsilon(1e-9));
    CHECK(implied_elasticity(price[y] / price[y - 1], tokens[y] / tokens[y - 1]) ==
          Approx(elasticity[y - 1]).epsilon(1e-9));
  }
  CHECK(compound_growth(usd.front(), usd.back(), 3) == Approx(0.9701447859719119).epsilon(1e-9));
}

TEST_CASE("a router by inverse square of price, and the concentration of what it leaves") {
  const std::vector<double> all = price_power_shares({1, 2, 3});
  CHECK(all[0] == Approx(0.7346938775510203).epsilon(1e-9));
  CHECK(all[1] == Approx(0.18367346938775508).epsilon(1e-9));
  CHECK(all[2] == Approx(0.08163265306122448).epsilon(1e-9));
  CHECK(price_power_shares({1, 3})[0] == Approx(0.9).epsilon(1e-9));  // the middle one is down
  CHECK_THROWS_AS(price_power_shares({1, 0}), UserError);
  CHECK(herfindahl_index({7}) == Approx(10'000));
  CHECK(herfindahl_index({2, 2, 2, 2}) == Approx(2'500));
  CHECK(herfindahl_index({50, 30, 20}) == Approx(3'800));
}

TEST_CASE("learning and growth compound") {
  CHECK(learning_curve_factor(2, 0.2) == Approx(0.8));
  CHECK(learning_curve_factor(8, 0.2) == Approx(0.512));
  CHECK(learning_curve_factor(1, 0.2) == 1);
  CHECK(compound_growth(60, 0.06, 3) == Approx(std::pow(1e-3, 1.0 / 3) - 1));  // a16z: $60 to $0.06: ten times a year
}

TEST_CASE("pooling demands whose peaks do not meet saves capacity") {
  CHECK(pooling_gain({{1, 0}, {0, 1}}) == Approx(0.5));
  CHECK(pooling_gain({{1, 2, 3}, {2, 4, 6}}) == Approx(0).margin(1e-12));
  CHECK(pooling_gain({{4, 1}, {2, 4}}) == Approx(0.25));
  CHECK(pooling_gain({{4, 1}}) == Approx(0).margin(1e-12));
  CHECK_THROWS_AS(pooling_gain({}), UserError);
  CHECK_THROWS_AS(pooling_gain({{1, 2}, {1}}), UserError);
  CHECK_THROWS_AS(pooling_gain({{0, 0}}), UserError);
}

TEST_CASE("a subsidy of $3 a million tokens on ten billion a day") {
  const double burn = burn_per_day(10e9, 3.5, 0.5, 0);
  CHECK(burn == Approx(30'000).epsilon(1e-12));
  CHECK(burn * 365 == Approx(10'950'000).epsilon(1e-12));
  CHECK(runway_days(305e6, burn, 0, 0) == Approx(10'166.666666666666).epsilon(1e-9));
  CHECK(burn_per_day(10e9, 0.5, 0.5, 700) == Approx(700));
}

TEST_CASE("the runway is where the days' losses have summed to the cash") {
  RandomStream random(4, 0, StreamPurpose::jitter);
  for (int i = 0; i < 300; ++i) {
    const double v = 1000 * random.uniform(), f = 500 * random.uniform(), g = 0.02 * random.uniform() - 0.005;
    const int days = 1 + static_cast<int>(random.below(400));
    double cash = 0;
    for (int d = 0; d < days; ++d) cash += v * std::pow(1 + g, d) + f;
    CHECK(runway_days(cash, v, f, g) == Approx(days).epsilon(1e-9));
  }
}

TEST_CASE("a runway may never end") {
  const double never = std::numeric_limits<double>::infinity();
  CHECK(runway_days(100, -1, 0, 0) == never);
  CHECK(runway_days(1e6, -10, 20, 0.01) == never);  // earnings outgrow fixed costs while cash lasts
  CHECK(runway_days(100, -10, 20, 0.01) == Approx(10.52).epsilon(0.01));  // or cash ends before they do
  CHECK(runway_days(1000, 1, 0, -0.01) == never);                         // losses shrink to 100 in all
  CHECK(runway_days(0, 1, 1, 0) == 0);
}
