// Rented chips: commitments, blocks, spot markets and blends, against closed forms.
#include <cmath>

#include "sim/economics/spot.h"
#include "tests/catch.h"
#include "tests/unit/money_support.h"

using namespace tokenfab;
using test::bill;
using test::held;
using test::supply_of;

namespace {

constexpr const char* kPlain = R"({"rent": {"usd_per_chip_hour": 3}})";

RunRecord priced(RunRecord r, const char* text) {
  price_run(r, {supply_of(text)}, std::nullopt);
  return r;
}

}  // namespace

TEST_CASE("a blend costs the weighted sum of its prices") {
  // 70 % at $2.25 and 30 % at $3.90: $2.745, 29.6 % below $3.90.
  const CostSummary c = bill(held(10, 100), R"({"rent": [{"share": 0.7, "usd_per_chip_hour": 2.25, "kind": "spot"},
                                                         {"share": 0.3, "usd_per_chip_hour": 3.90}]})");
  CHECK(c.usd_total / 1000 == Approx(2.745).epsilon(1e-12));
  CHECK(1 - c.usd_total / 3900 == Approx(0.2961538461538461).epsilon(1e-9));
}

TEST_CASE("spot at a constant price without interruptions is on demand, to the last bit and by the second") {
  for (const double hours : {1.0 / 3600, 0.37, 5.0, 1234.5678}) {
    const CostSummary spot = bill(held(8, hours), R"({"rent": {"kind": "spot", "usd_per_chip_hour": 3, "spot": {}}})");
    CHECK(spot.usd_total == bill(held(8, hours), kPlain).usd_total);
    CHECK(spot.usd_total == Approx(8 * hours * 3).epsilon(1e-12));
  }
}

TEST_CASE("interruptions raise the price of work done to p / (1 - hazard x (restart + lost work))") {
  const char* text = R"({"rent": {"kind": "spot", "usd_per_chip_hour": 2, "spot":
      {"interruptions_per_hour": 0.05, "restart_s": 600, "lost_work_s": 1320, "notice_s": 120}}})";
  const RunRecord r = priced(held(4, 10), text);
  CHECK(r.cost.usd_total / 40 == Approx(2 / (1 - 0.05 * (600 + 1200) / 3600)).epsilon(1e-12));
  CHECK(test::account(r, "compute.rent") == Approx(80).epsilon(1e-12));
  CHECK(test::account(r, "compute.rent.interruptions") == Approx(r.cost.usd_total - 80).epsilon(1e-9));
  SpotTerms warned;
  warned.interruptions_per_hour = 0.5, warned.lost_work_s = 60, warned.notice_s = 120;
  CHECK(interruption_factor(warned) == 1);  // the notice covers the work
  warned.restart_s = 7200;
  CHECK_THROWS_AS(interruption_factor(warned), UserError);
}

TEST_CASE("a spot price keeps its mean, moves with its volatility, and has a random stream of its own") {
  SpotTerms t;
  t.volatility = 0.4;
  t.reversion_per_hour = 0.2;
  double sum = 0, squares = 0;
  constexpr int kRuns = 20'000;
  for (std::uint32_t i = 0; i < kRuns; ++i) {
    const double p = mean_spot_price(2, t, 1, 1, i, 0);
    sum += p;
    squares += p * p;
  }
  const double mean = sum / kRuns, deviation = std::sqrt(squares / kRuns - mean * mean);
  // One hour: lognormal with mean 2 and variance 4 (exp(0.16) - 1); 5 standard errors.
  const double expected = 2 * std::sqrt(std::expm1(0.16));
  CHECK(std::fabs(mean - 2) < 5 * expected / std::sqrt(kRuns));
  CHECK(deviation == Approx(expected).epsilon(0.03));
  // Over many hours the mean settles on 2.
  CHECK(mean_spot_price(2, t, 200'000, 1, 0, 0) == Approx(2).epsilon(0.02));
  CHECK(mean_spot_price(2, t, 10, 1, 0, 0) == mean_spot_price(2, t, 10, 1, 0, 0));
  CHECK(mean_spot_price(2, t, 10, 1, 0, 0) != mean_spot_price(2, t, 10, 1, 0, 1));
  CHECK(mean_spot_price(2, t, 10, 1, 0, 0) != mean_spot_price(2, t, 10, 2, 0, 0));
}

TEST_CASE("a commitment is paid whether used or not, and its unused hours are a line of their own") {
  // 8 chips committed for 10 h at $2, 6 held: 60 chip-hours used and 20 not.
  RunRecord half = held(6, 10, 0.5);
  test::at_load(half, 0.5);
  const RunRecord r =
      priced(half, R"({"rent": {"kind": "reserved-1y", "usd_per_chip_hour": 2, "committed_chips": 8}})");
  CHECK(r.cost.usd_total == Approx(160).epsilon(1e-12));
  CHECK(test::account(r, "compute.committed") == Approx(120).epsilon(1e-12));
  CHECK(test::account(r, "compute.committed.unused") == Approx(40).epsilon(1e-12));
  CHECK(r.cost.detail.usd_unused == Approx(40).epsilon(1e-12));
  CHECK(r.cost.usd_usage == Approx(60).epsilon(1e-12));  // half of what was held, at half load
  CHECK(r.cost.utilisation_cost == Approx(60.0 / 160).epsilon(1e-12));
}

TEST_CASE("commitments are used first; the others share what is left; without others it is refused") {
  const char* text = R"({"rent": [{"usd_per_chip_hour": 4, "share": 0.25}, {"usd_per_chip_hour": 8, "share": 0.75},
                                  {"usd_per_chip_hour": 2, "committed_chips": 5}]})";
  CHECK(bill(held(9, 10), text).usd_total == Approx(50 * 2 + 10 * 4 + 30 * 8).epsilon(1e-12));
  CHECK(bill(held(3, 10), text).usd_total == Approx(50 * 2).epsilon(1e-12));
  const char* alone = R"({"rent": {"usd_per_chip_hour": 2, "committed_chips": 5}})";
  CHECK(bill(held(5, 10), alone).usd_total == Approx(100).epsilon(1e-12));
  CHECK(test::user_error([&] { bill(held(6, 10), alone); }).find("10 more than were committed") != std::string::npos);
}

TEST_CASE("a reservation pays off above the ratio of the prices") {
  // p5.48xlarge: $52 reserved against $98.32 on demand: 52.9 % of the hours.
  const double even = 52 / 98.32;
  CHECK(even == Approx(0.5288852725793328).epsilon(1e-12));
  const char* reserved = R"({"rent": {"usd_per_chip_hour": 52, "committed_chips": 1}})";
  const char* on_demand = R"({"rent": {"usd_per_chip_hour": 98.32}})";
  const auto dearer = [&](double used) {
    RunRecord r = held(1, 1000);
    r.pools[0].paid_chip_seconds *= used;
    r.pools[0].busy_chip_seconds *= used;
    return bill(r, reserved).usd_total > bill(r, on_demand).usd_total;
  };
  CHECK(dearer(even - 1e-6));
  CHECK_FALSE(dearer(even + 1e-6));
}

TEST_CASE("capacity blocks are whole: an hour of a day costs the day") {
  const RunRecord r = priced(held(8, 25), R"({"rent": {"kind": "capacity-block"}})");
  const double price = test::shipped_money().rent("h100-sxm", "capacity-block").usd_per_chip_hour.value;
  CHECK(r.cost.usd_total == Approx(8 * 48 * price).epsilon(1e-12));
  CHECK(test::account(r, "compute.committed.unused") == Approx(8 * 23 * price).epsilon(1e-12));
  CHECK(bill(held(8, 48), R"({"rent": "capacity-block"})").usd_total == Approx(8 * 48 * price).epsilon(1e-12));
  CHECK(bill(held(8, 48), R"({"rent": "capacity-block"})").detail.usd_unused == Approx(0).margin(1e-9));
  const char* hours = R"({"rent": {"usd_per_chip_hour": 2, "block_hours": 6}})";
  CHECK(bill(held(1, 6.5), hours).usd_total == Approx(24).epsilon(1e-12));
  // AWS p5.48xlarge: $39.33 for a block's hour against $98.32 on demand.
  CHECK(39.33 / 98.32 == Approx(0.40002034174125306).epsilon(1e-12));
  CHECK(price == Approx(39.33 / 8).epsilon(1e-4));
}

TEST_CASE("what is paid upfront costs its interest") {
  const char* text = R"({"rent": {"kind": "reserved-3y", "usd_per_chip_hour": 1.30, "upfront_share": 0.25,
                                  "interest": 0.1}})";
  const RunRecord r = priced(held(1, 100), text);
  const double annuity = 3 * 0.1 / (1 - std::pow(1.1, -3));
  CHECK(test::account(r, "compute.committed") == Approx(130).epsilon(1e-12));
  CHECK(test::account(r, "compute.committed.upfront") == Approx(130 * 0.25 * (annuity - 1)).epsilon(1e-9));
  CHECK(bill(held(1, 100), R"({"rent": {"usd_per_chip_hour": 1.30, "upfront_share": 1}})").usd_total == Approx(130));
  // The contract's present value is the same paid either way.
  const double paid = r.cost.usd_total / 100, discounted = paid * (1 - std::pow(1.1, -3)) / 0.1;
  CHECK(discounted == Approx(0.25 * 3 * 1.30 + 0.75 * 1.30 * (1 - std::pow(1.1, -3)) / 0.1).epsilon(1e-9));
}
