// Elasticity, surplus, concentration and choice of providers against their closed forms.
#include <cmath>
#include <limits>
#include <numeric>

#include "sim/market/choice.h"
#include "sim/market/demand.h"
#include "sim/market/money.h"
#include "sim/market/routing.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::market;

namespace {

std::vector<Offer> at_prices(const std::vector<double>& usd) {
  std::vector<Offer> out;
  for (const double p : usd) out.push_back({micro(p), 0.5, 0, true});
  return out;
}

}  // namespace

TEST_CASE("halving the price at an elasticity of -1.11 sells 2.158 times the tokens for 1.079 times the money") {
  const Rebound r = rebound(-1.11, 0.5, 0.5);
  CHECK(r.quantity_ratio == Approx(2.1584564730088545).epsilon(1e-12));
  CHECK(r.spend_ratio == Approx(1.0792282365044272).epsilon(1e-12));
  CHECK(r.energy_ratio == Approx(r.spend_ratio));
  const DemandCurve d{100, 2, -1.11};
  CHECK(quantity_at(d, 1.8) / 100 - 1 == Approx(0.12406341889042394).epsilon(1e-12));
  CHECK(quantity_at(d, 2) == 100);
}

TEST_CASE("spend and energy rise exactly where demand is elastic") {
  for (const double e : {-0.3, -0.99, -1.0, -1.01, -2.0}) {
    CAPTURE(e);
    const Rebound r = rebound(e, 0.4, 0.4);
    CHECK((r.spend_ratio > 1 + 1e-12) == (e < -1));
    CHECK((r.energy_ratio > 1 + 1e-12) == (e < -1));
  }
  // A price that falls less than the energy per token: the elasticity that keeps total energy.
  const double e = energy_neutral_elasticity(0.8, 0.5);
  CHECK(rebound(e, 0.8, 0.5).energy_ratio == Approx(1));
  CHECK(e == Approx(std::log(0.5) / -std::log(0.8)));
}

TEST_CASE("consumer surplus is the area under the demand curve") {
  for (const double e : {-0.5, -1.0, -1.5}) {
    const DemandCurve d{40, 2, e};
    CAPTURE(e);
    double area = 0;  // midpoint rule
    const int n = 200'000;
    for (int i = 0; i < n; ++i) area += quantity_at(d, 1 + 9 * (i + 0.5) / n) * 9 / n;
    CHECK(consumer_surplus(d, 1, 10) == Approx(area).epsilon(1e-8));
  }
  // Without a choke price: P Q / (|e| - 1), and no limit where demand is inelastic.
  constexpr double kNone = std::numeric_limits<double>::infinity();
  CHECK(consumer_surplus({40, 2, -3}, 4, kNone) == Approx(4 * quantity_at({40, 2, -3}, 4) / 2));
  CHECK(std::isinf(consumer_surplus({40, 2, -1}, 4, kNone)));
  CHECK(consumer_surplus({40, 2, -3}, 12, 10) == 0);
}

TEST_CASE("inverse-square shares of prices 1, 2 and 3 are 73.47, 18.37 and 8.16 percent") {
  const Choice inverse{.rule = ChoiceRule::inverse_square};
  auto offers = at_prices({1, 2, 3});
  const auto all = shares(inverse, offers);
  CHECK(all[0] == Approx(36.0 / 49));
  CHECK(all[1] == Approx(9.0 / 49));
  CHECK(all[2] == Approx(4.0 / 49));
  offers[1].available = false;
  const auto two = shares(inverse, offers);
  CHECK(two[0] == Approx(0.9));
  CHECK(two[1] == 0);
  CHECK(two[2] == Approx(0.1));
  // A logit in ln(price) with weight 2 is the same rule.
  offers[1].available = true;
  const auto logit = shares({.rule = ChoiceRule::logit, .price_weight = 2}, offers);
  for (std::size_t i = 0; i < 3; ++i) CHECK(logit[i] == Approx(all[i]));
}

TEST_CASE("a logit trades price against latency and quality at the stated rates") {
  std::vector<Offer> offers = {{micro(1), 0.5, 0, true}, {micro(1), 1.5, 0, true}, {micro(1), 0.5, 0.7, true}};
  const auto s =
      shares({.rule = ChoiceRule::logit, .price_weight = 2, .latency_weight = 0.3, .quality_weight = 2}, offers);
  CHECK(s[1] / s[0] == Approx(std::exp(-0.3)));
  CHECK(s[2] / s[0] == Approx(std::exp(1.4)));
  CHECK(std::accumulate(s.begin(), s.end(), 0.0) == Approx(1));
}

TEST_CASE("the cheapest takes all, the latency-aware rule leaves the slow out") {
  auto offers = at_prices({2, 1, 1});
  CHECK(shares({.rule = ChoiceRule::cheapest}, offers) == std::vector<double>{0, 0.5, 0.5});
  offers[1].latency_s = 3;
  const Choice aware{.rule = ChoiceRule::latency_aware, .latency_s = 1};
  const auto s = shares(aware, offers);
  CHECK(s[0] == Approx(0.2));
  CHECK(s[1] == 0);
  for (Offer& o : offers) o.latency_s += 1;
  CHECK(shares(aware, offers) == std::vector<double>{0.5, 0, 0.5});  // none is fast enough: the fastest
  for (Offer& o : offers) o.available = false;
  CHECK(shares(aware, offers) == std::vector<double>{0, 0, 0});
}

TEST_CASE("a balancer leaves a provider out for a while after a failure, and tries it last") {
  PriceBalancer balancer({.rule = ChoiceRule::inverse_square}, 30, at_prices({1, 2, 3}));
  balancer.failed(1, 100);
  const auto during = balancer.shares_at(129), after = balancer.shares_at(130);
  CHECK(during[0] == Approx(0.9));
  CHECK(during[1] == 0);
  CHECK(after[1] == Approx(9.0 / 49));
  CHECK(balancer.order(129, 0.95) == std::vector<std::size_t>{2, 0, 1});
  CHECK(balancer.order(130, 0.80) == std::vector<std::size_t>{1, 0, 2});
  balancer.failed(0, 125);
  balancer.failed(2, 125);
  CHECK(balancer.shares_at(126)[0] == Approx(36.0 / 49));  // all have failed: prices decide again
}

TEST_CASE("a week's profile has mean one, peaks at its local hour, and rests at weekends") {
  const Profile p{.amplitude = 0.6, .peak_hour = 15, .weekend = 0.5, .utc_offset_h = -8};
  double sum = 0;
  for (int q = 0; q < 168 * 4; ++q) sum += profile_at(p, (q + 0.5) / 4) / (168 * 4);
  CHECK(sum == Approx(1));
  CHECK(profile_at(p, 15 + 8) == Approx(1.6 * 7 / 6));                           // Monday
  CHECK(profile_at(p, 15 + 8 + 5 * 24) == Approx(0.5 * profile_at(p, 15 + 8)));  // Saturday
  CHECK(profile_at(p, 15 + 8 + 7 * 24) == Approx(profile_at(p, 15 + 8)));
  Profile steps;
  for (int h = 0; h < 24; ++h) steps.hours.push_back(h < 12 ? 1 : 3);
  CHECK(profile_at(steps, 6.5) == Approx(0.5));
  CHECK(profile_at(steps, 18.5) == Approx(1.5));
}

TEST_CASE("routed requests follow the shares, and fail over while one provider is down") {
  RoutingSpec spec;
  spec.choice.rule = ChoiceRule::inverse_square;
  spec.requests_per_s = 100;
  spec.duration_s = 1000;
  for (const double usd : {1.0, 2.0, 3.0}) spec.offers.push_back({"p" + std::to_string(int(usd)), {micro(usd)}, {}});
  const auto run = [&] {
    MarketRecord r;
    run_routing(spec, r);
    std::vector<double> out;
    for (const auto& f : r.figures) out.push_back(f.value);
    return out;  // three shares, failed tries, lost, mean price
  };
  const auto up = run();
  CHECK(up[0] == Approx(36.0 / 49).margin(0.005));
  CHECK(up[1] == Approx(9.0 / 49).margin(0.005));
  CHECK(up[3] == 0);
  CHECK(up[5] == Approx((36 + 2 * 9 + 3 * 4) / 49.0).margin(0.01));
  spec.offers[1].down = {{0, 2000}};
  const auto without = run();
  CHECK(without[0] == Approx(0.9).margin(0.005));
  CHECK(without[1] == 0);
  // After each exclusion of 30 s one request in 49 / 9 finds out that it is still down: some 33 times in 1000 s.
  CHECK(without[3] > 25);
  CHECK(without[3] < 35);
  CHECK(without[4] == 0);
  for (auto& o : spec.offers) o.down = {{500, 510}};
  CHECK(run()[4] == 1000);
}
