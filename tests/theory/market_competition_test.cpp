// Price competition, exits and books, with providers that resell at a constant marginal cost.
#include <cmath>

#include "sim/market/competition.h"
#include "sim/market/money.h"
#include "sim/market/projection.h"
#include "tests/catch.h"

using namespace tokenfab;
using namespace tokenfab::market;

namespace {

ProviderSpec reseller(const std::string& name, double cost, double price, PriceRule rule) {
  ProviderSpec p;
  p.name = name;
  p.supplier.resale_usd_per_mtok = cost;
  p.cash = micro(1e9);
  p.price.rule = rule;
  p.price.price = micro(price);
  p.price.step = micro(0.01);
  return p;
}

CompetitionSpec market_of(std::vector<ProviderSpec> providers, ChoiceRule rule) {
  CompetitionSpec spec;
  spec.round_h = 24;
  spec.horizon_h = 24 * 400;
  spec.highest_price = micro(20);
  Segment s;
  s.name = "all";
  s.demand = {1e9 / 24, 2, -1.5};
  s.choice.rule = rule;
  spec.segments = {s};
  spec.providers = std::move(providers);
  return spec;
}

MarketRecord play(const CompetitionSpec& spec) {
  MarketRecord record;
  run_competition(spec, record);
  return record;
}

/// A replica of 1,000 tokens/s for $3.6 an hour: $1 per million at full load.
ServiceCurve plain_curve() {
  std::vector<ServicePoint> points(3);
  for (std::size_t i = 0; i < 3; ++i) points[i].tokens_s = 500.0 * static_cast<double>(i), points[i].usd_h = 3.6;
  return ServiceCurve(points);
}

}  // namespace

TEST_CASE("two firms with constant marginal costs undercut each other to the second-lowest cost") {
  for (const PriceRule rule : {PriceRule::undercut, PriceRule::best_response}) {
    const MarketRecord r =
        play(market_of({reseller("low", 1.0, 4.0, rule), reseller("high", 1.5, 4.0, rule)}, ChoiceRule::cheapest));
    CAPTURE(static_cast<int>(rule));
    CHECK(r.provider_rounds[0].price == micro(4.0));
    const ProviderTotal &low = r.providers[0], &high = r.providers[1];
    CHECK(high.last_price == micro(1.5));
    CHECK(low.last_price == micro(1.49));  // a step below it
    const ProviderRound& last = r.provider_rounds[r.provider_rounds.size() - 2];
    REQUIRE(last.provider == "low");
    CHECK(last.share == 1);
    CHECK(r.rounds.back().hhi == 10'000);
    CHECK(last.revenue - last.supply_cost == Approx(0.49 * static_cast<double>(last.served)).epsilon(1e-6));
  }
}

TEST_CASE("equal costs leave no margin") {
  const MarketRecord r =
      play(market_of({reseller("a", 1.0, 4.0, PriceRule::undercut), reseller("b", 1.0, 4.0, PriceRule::undercut)},
                     ChoiceRule::cheapest));
  CHECK(r.providers[0].last_price == micro(1.0));
  CHECK(r.providers[1].last_price == micro(1.0));
  CHECK(r.rounds.back().hhi == Approx(5'000));
}

TEST_CASE("a lone firm's best price is the Lerner price, marginal cost times e / (1 + e)") {
  CompetitionSpec spec = market_of({reseller("alone", 1.0, 2.0, PriceRule::best_response)}, ChoiceRule::cheapest);
  for (const double e : {-1.5, -3.0}) {
    spec.segments[0].demand.elasticity = e;
    CHECK(in_usd(play(spec).providers[0].last_price) == Approx(e / (1 + e)).margin(0.01));
  }
}

TEST_CASE("differentiated rivals keep the logit's margin: p - c = 1 / (derivative of -ln share - volume)") {
  // Equal costs, shares by price^-k: at the symmetric price, -dlnQ_i/dlnp = k (1 - s) - e s = p / (p - c).
  std::vector<ProviderSpec> firms;
  for (const char* name : {"a", "b", "c"}) firms.push_back(reseller(name, 1.0, 3.0, PriceRule::best_response));
  for (auto& f : firms) f.price.step = micro(0.001);
  CompetitionSpec spec = market_of(firms, ChoiceRule::logit);
  spec.segments[0].choice.price_weight = 5;
  // The segment buys at the mean price sum s_i p_i, which moves by s (1 - k (1 - s)) + k s (1 - s) = s at the symmetric
  // point.
  const double s = 1.0 / 3, sensitivity = 5 * (1 - s) + 1.5 * s;
  const double price = 1 / (1 - 1 / sensitivity);
  for (const auto& p : play(spec).providers) CHECK(in_usd(p.last_price) == Approx(price).margin(0.005));
}

TEST_CASE("subsidised until cash runs out: the simulated hour is that of the closed form") {
  for (const double growth : {0.0, 1.5, -0.4})
    for (const double fixed_h : {0.0, 300.0}) {
      ProviderSpec p = reseller("burning", 5, 2, PriceRule::subsidised);
      p.cash = micro(2e6);
      p.fixed_usd_h = fixed_h;
      CompetitionSpec spec = market_of({p}, ChoiceRule::cheapest);
      spec.segments[0].demand.quantity = 10e9 / 24;
      spec.segments[0].growth = growth;
      const MarketRecord r = play(spec);
      const double days = runway_days({10e9, 5, 2, fixed_h * 24, growth}, 2e6);
      CAPTURE(growth, fixed_h, days);
      CHECK(r.providers[0].exit_h == Approx(std::ceil(days * 24)).margin(1));
      CHECK(r.providers[0].exit_h > days * 24 - 1e-3);
      CHECK(r.providers[0].cash_end < 0);
    }
}

TEST_CASE("when the others are gone the last one has an index of 10,000, and its price again") {
  std::vector<ProviderSpec> firms = {reseller("rich", 2, 1, PriceRule::subsidised),
                                     reseller("poor", 1.2, 3, PriceRule::undercut)};
  firms[0].cash = micro(3e6);
  firms[1].cash = micro(5e4);
  firms[1].price.floor = micro(0.99);
  CompetitionSpec spec = market_of(firms, ChoiceRule::logit);
  const MarketRecord r = play(spec);
  CHECK(r.providers[1].exit_h > 0);
  CHECK(r.providers[0].exit_h < 0);
  CHECK(r.rounds.front().hhi < 10'000);
  CHECK(r.rounds.back().hhi == 10'000);
  CHECK(r.provider_rounds.back().provider == "rich");
}

TEST_CASE("books balance to the micro-dollar") {
  std::vector<ProviderSpec> firms = {reseller("a", 1, 3, PriceRule::best_response),
                                     reseller("b", 1.3, 2, PriceRule::cost_plus),
                                     reseller("c", 2, 1.5, PriceRule::subsidised)};
  firms[1].price.markup = 0.2;
  firms[2].cash = micro(2e4);
  for (auto& f : firms) f.fixed_usd_h = 1.0 / 3;
  const MarketRecord r = play(market_of(firms, ChoiceRule::logit));
  MicroUsd spend = 0, revenue = 0, by_round = 0;
  for (const auto& s : r.segments) spend += s.spend;
  for (const auto& p : r.providers) {
    revenue += p.revenue;
    CHECK(p.cash_end == p.cash_start + p.revenue - p.supply_cost - p.fixed_cost);
  }
  for (const auto& p : r.provider_rounds) by_round += p.revenue;
  CHECK(spend == revenue);
  CHECK(by_round == revenue);
  CHECK(r.providers[2].exit_h > 0);
  const auto& b = r.providers[1];
  CHECK(in_usd(b.fixed_cost) == Approx(24.0 * 400 / 3).epsilon(1e-9));  // parts of a micro-dollar are not lost
  for (const auto& round : r.rounds) CHECK(round.demanded == round.served);
}

TEST_CASE("replicas: capacity limits what is served, idle ones are paid, an outage sends buyers elsewhere") {
  ProviderSpec p = reseller("fleet", 0, 2, PriceRule::fixed);
  p.supplier.curve = plain_curve();
  p.capacity.rule = CapacityRule::fixed;
  p.capacity.replicas = 2;
  CompetitionSpec spec = market_of({p}, ChoiceRule::cheapest);
  spec.horizon_h = 48;
  spec.segments[0].demand.quantity = 3 * 3.6e6;  // tokens an hour: three replicas' worth
  const ProviderTotal full = play(spec).providers[0];
  CHECK(full.marginal_cost == micro(1));
  CHECK(static_cast<double>(full.served) / static_cast<double>(full.demanded) == Approx(2.0 / 3));
  CHECK(full.attainment == Approx(2.0 / 3));
  CHECK(full.replica_hours == 96);
  CHECK(full.supply_cost == micro(96 * 3.6));
  CHECK(full.revenue == micro(2 * 2 * 3.6 * 48));

  spec.providers.push_back(reseller("other", 1, 2.5, PriceRule::fixed));
  spec.providers[0].outages = {{10, 13}};
  const MarketRecord r = play(spec);
  const double cheap = 3 * 3.6e6, dear = 3 * 3.6e6 * std::pow(2.5 / 2, -1.5);
  CHECK(static_cast<double>(r.providers[0].demanded) == Approx(45 * cheap));
  CHECK(static_cast<double>(r.providers[1].served) == Approx(3 * dear));
}
