// Capacity, subscriptions, pools, unlimited plans, shares, fixed prices and credits: closed forms and published
// examples.
#include <cmath>

#include "sim/economics/formulas.h"
#include "sim/economics/plans/plan.h"
#include "tests/catch.h"
#include "tests/unit/plans_support.h"

using namespace tokenfab;
using test::cell;
using test::figure_of;
using test::line_of;
using test::metered_run;
using test::per_million;
using test::plan;
using test::price;

namespace {

PricePlan named(auto terms) { return {"plan", std::move(terms)}; }

Provisioned units(double count, double usd_per_hour, double tokens_per_s) {
  Provisioned t;
  t.units = count;
  t.usd_per_unit_hour = price(usd_per_hour, "USD per unit-hour");
  t.tokens_per_s = tokens_per_s;
  return t;
}

MeteredTokens used(double input, double cached, double output) {
  MeteredTokens out;
  out.input = input, out.cached = cached, out.output = output;
  return out;
}

Subscription subscription(double users, double fee, double included, double overage) {
  return {users, price(fee), included, per_million(overage)};
}

}  // namespace

TEST_CASE("per chip-second: published bills, boot and idle time") {
  RunRecord r = metered_run({}, 1);
  const auto usd = [&](double busy_s, double usd_per_s) {
    r.pools[0].busy_chip_seconds = busy_s;
    return bill_of(named(ChipTime{price(usd_per_s), false, 0}), r).usd;
  };
  CHECK(usd(10, 0.00012) == Approx(0.0012).epsilon(1e-12));       // Hugging Face
  CHECK(usd(600, 0.0000872083) == Approx(0.0523).epsilon(1e-3));  // Bytez
  CHECK(usd(600, 0.0000872083) == Approx(0.05232498).epsilon(1e-12));
  r.pools[0].busy_chip_seconds = 600;
  r.pools[0].chips = 4;
  CHECK(bill_of(named(ChipTime{price(0.001), true, 30}), r).usd == Approx(3.6 + 0.12));
}

TEST_CASE("Bedrock's model unit: a 31-day month, and the tokens at which it meets the list price") {
  Provisioned t = units(1, 39.60, 1e6);
  t.on_demand = flat_tariff(plan(0.99, 0.99, 0.99));
  const Bill bill = bill_of(named(t), metered_run({cell(0, 1'000'000, 0, 500'000)}, 31 * 24));
  CHECK(bill.usd == Approx(29'462.40).epsilon(1e-12));
  CHECK(figure_of(bill, "break_even_tokens_per_hour") == Approx(40e6).epsilon(1e-12));
  CHECK(figure_of(bill, "spilled_share") == 0);
}

TEST_CASE("Azure's weighted units: 1,000 input and 500 output tokens are 3,000; cached input is free") {
  Provisioned t = units(1, 1, 1);
  t.output_weight = 4;
  CHECK(static_cast<double>(weighted(t, used(1000, 0, 500))) == 3000);
  CHECK(static_cast<double>(weighted(t, used(1000, 600, 500))) == 2400);
}

TEST_CASE("provisioned throughput holds per quarter of an hour: what comes over spills or is turned away") {
  Provisioned t = units(2, 10, 0.5);  // 900 tokens a quarter of an hour
  const RunRecord r = metered_run({cell(0, 1800, 0, 0), cell(1, 450, 0, 0), cell(2, 900, 0, 0)}, 1);
  const Bill away = bill_of(named(t), r);
  CHECK(away.usd == Approx(20));
  CHECK(figure_of(away, "turned_away_share") == Approx(900.0 / 3150));
  CHECK(figure_of(away, "capacity_used") == Approx(2250.0 / 3600));
  CHECK(line_of(away, "provisioned_use").effective_usd == Approx(20 * 2250.0 / 3600));
  CHECK(line_of(away, "provisioned_unused").effective_usd == Approx(20 * 1350.0 / 3600));
  t.on_demand = flat_tariff(plan(1000, 1000, 1000));
  CHECK(bill_of(named(t), r).usd == Approx(20 + 0.9));
}

TEST_CASE("a commitment's effective cost, used and unused, is its price, on any meter") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomStream random(seed, 0, StreamPurpose::output_length);
    const RunRecord r = metered_run(test::random_cells(random, 40, 1 + random.below(30)), 10);
    Provisioned t = units(3 * random.uniform(), 50 * random.uniform(), 5000 * random.uniform());
    t.output_weight = 4 * random.uniform();
    if (random.below(2) == 0) t.on_demand = flat_tariff(plan(1, 0.5, 2));
    const std::vector<PricePlan> plans = {
        named(t), named(subscription(10 * random.uniform(), 20, 1e8 * random.uniform(), 3)),
        named(TokenPools{price(5), 1e6 + 1e7 * random.uniform(), static_cast<double>(random.below(9))})};
    for (const PricePlan& p : plans) {
      long double effective = 0, purchases = 0;
      const Bill bill = bill_of(p, r);
      for (const BillLine& l : bill.lines) {
        if (l.commitment.empty()) continue;
        effective += l.effective_usd;
        purchases += l.charge == Charge::purchase ? l.usd : 0;
      }
      CAPTURE(seed);
      REQUIRE(static_cast<double>(effective) == Approx(static_cast<double>(purchases)).epsilon(1e-9));
    }
  }
}

TEST_CASE("a subscription's price per token is continuous and falls to the overage price") {
  const Subscription t = subscription(10, 20, 1e7, 2);  // $200 with 100 million tokens
  const auto bill = [&](std::int64_t tokens) {
    return bill_of(named(t), metered_run({cell(0, tokens, 0, 0)}, kHoursPerMonth));
  };
  CHECK(bill(50'000'000).usd == Approx(200));
  CHECK(figure_of(bill(50'000'000), "breakage_share") == Approx(0.5));
  CHECK(bill(100'000'000).usd == Approx(200));
  CHECK(bill(100'000'001).usd == Approx(200 + 2e-6).epsilon(1e-12));
  CHECK(figure_of(bill(200'000'000), "usd_per_mtok") == Approx(2));
  CHECK(figure_of(bill(100'000'000), "usd_per_mtok") == Approx(2));
  Subscription dear = t;
  dear.usd_per_user_month = price(100);
  double last = 1e9;
  for (std::int64_t tokens = 10'000'000; tokens < 1'000'000'000'000; tokens *= 10) {
    const double unit =
        figure_of(bill_of(named(dear), metered_run({cell(0, tokens, 0, 0)}, kHoursPerMonth)), "usd_per_mtok");
    CHECK(unit < last);
    CHECK(unit > 2);
    last = unit;
  }
  CHECK(last == Approx(2).epsilon(0.02));
}

TEST_CASE("token pools: whole pools, breakage is what is left") {
  const Bill bill = bill_of(named(TokenPools{price(20), 10e6, 0}), metered_run({cell(0, 20'000'000, 0, 5'000'000)}, 1));
  CHECK(bill.usd == 60);
  CHECK(figure_of(bill, "breakage_share") == Approx(5.0 / 30));
  CHECK(figure_of(bill, "breakage_usd") == Approx(10));
  CHECK(figure_of(bill, "usd_per_mtok") == Approx(60.0 / 25));
  CHECK(bill_of(named(TokenPools{price(20), 10e6, 5}), metered_run({cell(0, 1, 0, 0)}, 1)).usd == 100);
}

TEST_CASE("heavy-tailed usage: closed forms against sums over random users, and selection against weighting") {
  constexpr int kUsers = 400'000;
  for (const auto shape : {UserUsage::Shape::lognormal, UserUsage::Shape::pareto}) {
    const bool pareto = shape == UserUsage::Shape::pareto;
    const UserUsage u{shape, pareto ? 3.5 : 0.8, 2e6};
    const double selection = 0.5, least = u.mean * (u.parameter - 1) / u.parameter, b = 3e6;
    RandomStream random(1, 0, StreamPurpose::classes);
    double users = 0, tokens = 0, all = 0, weight = 0, weighted = 0;
    for (int i = 0; i < kUsers; ++i) {
      const double x = pareto
                           ? least * std::pow(random.uniform(), -1 / u.parameter)
                           : std::exp(std::log(u.mean) - u.parameter * u.parameter / 2 + u.parameter * random.normal());
      all += x;
      if (x > b) users += 1, tokens += x;
      weight += std::pow(x, selection);
      weighted += x * std::pow(x, selection);
    }
    CAPTURE(pareto);
    CHECK(all / kUsers == Approx(u.mean).epsilon(0.01));
    CHECK(u.users_above(b) == Approx(users / kUsers).epsilon(0.02));
    CHECK(u.tokens_above(b) == Approx(tokens / all).epsilon(0.02));
    CHECK(u.selected(selection).mean == Approx(weighted / weight).epsilon(0.02));
    CHECK(u.selected(0).mean == Approx(u.mean));
    CHECK(u.users_above(0) == 1);
  }
}

TEST_CASE("an unlimited plan breaks even at fee over marginal cost, and loses more where heavy users join") {
  RunRecord r = metered_run({cell(0, 600'000'000, 0, 400'000'000)}, kHoursPerMonth);
  r.cost.usd_total = 500;  // $0.50 a million tokens
  Unlimited t{100, price(10), {UserUsage::Shape::lognormal, 1.5, 0}, 0};
  Bill bill = bill_of(named(t), r);
  CHECK(bill.usd == Approx(1000));
  CHECK(figure_of(bill, "tokens_per_user_month") == Approx(1e7));
  CHECK(figure_of(bill, "break_even_tokens_per_user_month") == Approx(2e7));
  CHECK(figure_of(bill, "margin_with_adverse_selection") == Approx(0.5));
  t.selection = 0.2;
  bill = bill_of(named(t), r);
  CHECK(figure_of(bill, "tokens_per_joining_user_month") == Approx(1e7 * std::exp(0.2 * 2.25)));
  CHECK(figure_of(bill, "margin_with_adverse_selection") == Approx(1 - 0.5 * std::exp(0.45)));
  CHECK(figure_of(bill, "break_even_fee_with_adverse_selection") == Approx(5 * std::exp(0.45)));
}

TEST_CASE("revenue share and free tier take their share of another plan's bill") {
  const RunRecord r = metered_run({cell(0, 3'000'000, 1'000'000, 2'000'000)}, 1);
  const auto tokens = std::make_shared<PricePlan>(plan(1, 0.5, 4));
  CHECK(bill_of(*tokens, r).usd == Approx(10.5));
  const Bill shared = bill_of(named(RevenueShare{0.2, tokens}), r);
  CHECK(shared.usd == Approx(2.1));
  CHECK(figure_of(shared, "reseller_usd") == Approx(8.4));
  // 5 % pay; a free user takes a tenth of a paying one's tokens.
  const FreeTier t{0.05, 0.1, tokens};
  CHECK(paying_share(t) == Approx(0.05 / (0.05 + 0.095)));
  CHECK(bill_of(named(t), r).usd == Approx(10.5 * paying_share(t)));
  CHECK(bill_of(named(FreeTier{1, 0.1, tokens}), r).usd == Approx(10.5));
}

TEST_CASE("the gross margin falls by exactly the free tier's cost") {
  RunRecord with = metered_run({cell(0, 4'000'000, 0, 1'000'000)}, 1), without = with;
  const auto tokens = std::make_shared<PricePlan>(plan(1, 1, 1));
  const FreeTier t{0.25, 1, tokens};
  price_run(with, {test::rented(2)}, named(t));
  price_run(without, {test::rented(2)}, PricePlan(*tokens));
  const double share = paying_share(t), paid_cost = without.cost.usd_total * share;
  const double profit = with.cost.revenue_usd - with.cost.usd_total;
  CHECK(profit == Approx(with.cost.revenue_usd - paid_cost - with.cost.usd_total * (1 - share)));
  CHECK(with.cost.revenue_usd == Approx(without.cost.revenue_usd * share));
}

TEST_CASE("a fixed price per outcome, and the risk of a loss over replications") {
  const RunRecord r = metered_run({cell(0, 10, 0, 2'000'000), cell(1, 10, 0, 1'000'000)}, 1);
  CHECK(bill_of(named(FixedOutput{FixedOutput::Per::output_mtok, price(3)}), r).usd == Approx(9));
  CHECK(bill_of(named(FixedOutput{FixedOutput::Per::request, price(0.25)}), r).usd == Approx(0.5));
  const std::vector<double> margins = {0.1, -0.1, 0.2, 0.3, 0.05};
  CHECK(loss_risk(margins).share == Approx(0.2));
  CHECK(loss_risk(margins).at_most == Approx(0.6574).epsilon(1e-3));  // Clopper-Pearson, 1 of 5
  CHECK(loss_risk(std::vector<double>(5, 0.1)).at_most == Approx(1 - std::pow(0.05, 0.2)));
  CHECK(loss_risk(std::vector<double>(5, -0.1)).at_most == 1);
  CHECK(std::isnan(loss_risk({}).share));
}

TEST_CASE("SLA credits give back the bill's share of the quarters of an hour that missed the objective") {
  MeterCell bad = cell(1, 1'000'000, 0, 0);
  bad.good = 0;
  MeterCell refused = cell(2, 1'000'000, 0, 0);
  refused.rejected = 1;
  const RunRecord r = metered_run({cell(0, 1'000'000, 0, 0), bad, refused, cell(3, 1'000'000, 0, 0)}, 1);
  PricePlan p = plan(1, 1, 1);
  p.sla = {{SlaRule::Objective::good, 0.9, 0.5}};
  CHECK(missed_share(p.sla[0], r) == Approx(0.5));
  CHECK(bill_of(p, r).usd == Approx(4 - 0.5 * 0.5 * 4));
  p.sla = {{SlaRule::Objective::available, 0.9, 1}};
  CHECK(bill_of(p, r).usd == Approx(3));
  CHECK(line_of(bill_of(p, r), "sla_credit").usd == Approx(-1));
}
