// Dates of prices and of empty purses, in closed form.
#include <cmath>

#include "sim/market/projection.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::market;

TEST_CASE("a floor of $0.10 per million at $1.30 a GPU-hour needs 3,611 tokens a second") {
  CHECK(required_tokens_s(1.30, 0.10) == Approx(3611.111111111111).epsilon(1e-12));
  CHECK(required_tokens_s(39.60, 0.99) == Approx(11111.111111111111));  // a Bedrock model unit of 2026 against $0.99
}

TEST_CASE("a price that falls tenfold a year goes from $60 to $0.06 in three") {
  const YearlyFall f{60, 0.1, 0};
  CHECK(years_until(f, 0.06) == Approx(3));
  CHECK(cost_after(f, 3) == Approx(0.06));
  CHECK(years_until(f, 61) == 0);
  const YearlyFall floored{1, 0.5, 0.2};
  CHECK(cost_after(floored, years_until(floored, 0.3)) == Approx(0.3));
  CHECK(std::isinf(years_until(floored, 0.2)));
  CHECK(std::isinf(years_until(YearlyFall{1, 1, 0}, 0.5)));
}

TEST_CASE("Wright's law takes the learning rate off with every doubling") {
  const Wright w{1, 0.2, 100, 100, 0};
  CHECK(cost_after(w, 1) == Approx(0.8));
  CHECK(cost_after(w, 3) == Approx(0.64));
  CHECK(years_until(w, 0.64) == Approx(3));
  for (const double growth : {-0.2, 0.5, 2.0}) {
    const Wright g{1, 0.2, 100, 40, growth};
    const double target = growth < 0 ? 0.9 : 0.4;
    CAPTURE(growth);
    CHECK(cost_after(g, years_until(g, target)) == Approx(target));
  }
  CHECK(std::isinf(years_until(Wright{1, 0.2, 100, 40, -0.9}, 0.5)));  // output ends before enough is learnt
  CHECK(std::isinf(years_until(Wright{1, 0, 100, 40, 1}, 0.5)));
}

TEST_CASE("ten billion tokens a day at a loss of $3 burn $30,000 a day, which $305 M bear for 10,167 days") {
  const Subsidy s{10e9, 5, 2, 0, 0};
  CHECK(first_burn_per_day(s) == Approx(30'000));
  CHECK(first_burn_per_day(s) * 365 == Approx(10.95e6));
  CHECK(runway_days(s, 305e6) == Approx(10166.666666666666));
}

TEST_CASE("what is burnt by the end of the runway is the cash") {
  for (const double growth : {-0.3, 0.0, 0.8, 4.0})
    for (const double fixed : {0.0, 20'000.0})
      for (const double price : {2.0, 4.9}) {
        const Subsidy s{10e9, 5, price, fixed, growth};
        CAPTURE(growth, fixed, price);
        const double days = runway_days(s, 1e6);
        REQUIRE(std::isfinite(days));
        CHECK(burnt_by(s, days) == Approx(1e6));
      }
  // Growth shortens the runway of losses, and saves who earns on each token.
  CHECK(runway_days({10e9, 5, 2, 0, 1}, 305e6) < runway_days({10e9, 5, 2, 0, 0}, 305e6));
  CHECK(std::isinf(runway_days({10e9, 5, 6, 20'000, 9}, 1e6)));
  CHECK(std::isfinite(runway_days({10e9, 5, 6, 20'000, 0.1}, 1e5)));
  CHECK(std::isinf(runway_days({10e9, 5, 2, 0, -0.9}, 305e6)));  // demand dies before the cash does
  CHECK(std::isinf(runway_days({10e9, 5, 5, 0, 0}, 1)));
}
