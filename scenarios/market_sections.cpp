#include <algorithm>
#include <cmath>

#include "scenarios/market_json.h"
#include "sim/market/money.h"

namespace tokenfab {
namespace {

constexpr double kMostLots = 1e12, kMostPrice = 1e6, kMostTokensPerDay = 1e18, kMostRequests = 1e8;

market::SpotSeller read_seller(const JsonObject& o) {
  market::SpotSeller s;
  s.name = o.string("name");
  s.replicas = static_cast<int>(o.integer("replicas", 1, 1'000'000));
  s.committed_tokens_h = o.number_in("committed_tokens_per_day", 0, kMostTokensPerDay, 0) / market::kHoursPerDay;
  s.profile = read_profile(o);
  s.asks_running_cost = o.one_of("asks", {"running", "full"}, "running") == "running";
  return s;
}

market::SpotBuyer read_buyer(const JsonObject& o) {
  market::SpotBuyer b;
  b.name = o.string("name");
  b.lots_h = o.number_in("mtok_per_hour", 0, kMostLots);
  b.value_usd = o.number_in("value_usd_per_mtok", 1e-6, kMostPrice);
  b.spread = o.number_in("spread", 0, 5, 0);
  b.orders = static_cast<int>(o.integer("orders", 1, 1000, 10));
  b.profile = read_profile(o);
  o.finish();
  return b;
}

std::size_t region_named(const JsonObject& o, const std::vector<market::Region>& regions) {
  std::vector<std::string> names;
  for (const auto& r : regions) names.push_back(r.name);
  const std::string name = o.one_of("region", names);
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

std::vector<std::vector<double>> read_rtt(const JsonObject& o, std::size_t regions) {
  std::vector<std::vector<double>> out(regions, std::vector<double>(regions, 0.0));
  const std::vector<double> flat = o.numbers("rtt_ms");
  if (flat.size() != regions * regions)
    o.fail("rtt_ms", "is not " + std::to_string(regions) + " x " + std::to_string(regions) + " numbers, row by row");
  for (std::size_t i = 0; i < flat.size(); ++i) {
    if (flat[i] < 0) o.fail("rtt_ms", "has a number below 0");
    out[i / regions][i % regions] = flat[i] / 1000;
  }
  return out;
}

}  // namespace

ExchangePlan read_exchange(const JsonObject& o, std::uint64_t seed, MarketContext& context) {
  ExchangePlan plan;
  plan.spec.seed = seed;
  plan.spec.hours = o.integer("hours", 1, 1'000'000, 168);
  plan.spec.continuous = o.one_of("mechanism", {"call", "continuous"}, "call") == "continuous";
  for (const JsonObject& s : o.objects("sellers")) {
    plan.spec.sellers.push_back(read_seller(s));
    plan.curve.push_back(read_curve_use(s, "factory", context));
    s.finish();
  }
  for (const JsonObject& b : o.objects("buyers")) plan.spec.buyers.push_back(read_buyer(b));
  if (plan.spec.sellers.empty()) o.fail("sellers", "is missing or empty");
  if (plan.spec.buyers.empty()) o.fail("buyers", "is missing or empty");
  return plan;
}

RegionsPlan read_regions(const JsonObject& o, MarketContext& context) {
  RegionsPlan plan;
  plan.spec.hours = o.integer("hours", 1, 1'000'000, 168);
  plan.spec.ttft_limit_s = o.number_in("ttft_s", 1e-6, 1e6);
  for (const JsonObject& r : o.objects("demand")) {
    plan.spec.regions.push_back({r.string("region"),
                                 r.number_in("tokens_per_day", 0, kMostTokensPerDay) / market::kHoursPerDay,
                                 read_profile(r)});
    r.finish();
  }
  if (plan.spec.regions.empty()) o.fail("demand", "is missing or empty");
  plan.spec.rtt_s = read_rtt(o, plan.spec.regions.size());
  for (const JsonObject& s : o.objects("sites")) {
    market::RegionSite site;
    site.name = s.string("name");
    site.region = region_named(s, plan.spec.regions);
    site.replicas = static_cast<int>(s.integer("replicas", 0, 1'000'000));
    plan.spec.sites.push_back(site);
    plan.markup.push_back(s.number_in("markup", -1, 1e6, 0));
    plan.curve.push_back(read_curve_use(s, "factory", context));
    s.finish();
  }
  if (plan.spec.sites.empty()) o.fail("sites", "is missing or empty");
  return plan;
}

ReboundPlan read_rebound(const JsonObject& o, MarketContext& context) {
  ReboundPlan plan;
  plan.segments = context.segments;
  if (plan.segments.empty()) o.fail("", "needs \"segments\" of the market");
  if (o.has("before") != o.has("after")) o.fail("", "needs both \"before\" and \"after\", or neither");
  if (o.has("before") == o.has("price_ratio"))
    o.fail("", "needs either the factories \"before\" and \"after\", or \"price_ratio\" and \"energy_ratio\"");
  plan.pass_through = o.number_in("pass_through", 0, 1, 1);
  if (o.has("before")) {
    plan.before = read_curve_use(o, "before", context);
    plan.after = read_curve_use(o, "after", context);
  } else {
    plan.price_ratio = o.number_in("price_ratio", 1e-6, 1e6);
    plan.energy_ratio = o.number_in("energy_ratio", 1e-6, 1e6);
  }
  return plan;
}

ThresholdPlan read_threshold(const JsonObject& o, MarketContext& context) {
  ThresholdPlan plan;
  plan.usd_per_mtok = o.number_in("usd_per_mtok", 1e-6, kMostPrice);
  plan.today = read_curve_use(o, "factory", context);
  if (o.has("long_run")) {
    const JsonObject owned = o.object("long_run");
    plan.owned = read_curve_use(owned, "factory", context);
    owned.finish();
    const auto& supplies = plan.owned->supplies;
    const bool all_owned = std::all_of(supplies.begin(), supplies.end(), [](const Supply& s) { return s.owned; });
    if (supplies.empty() || !all_owned)
      o.fail("long_run", "needs a \"supply\" that owns its chips: the floor is capital and power");
  }
  if (o.has("yearly_factor") == o.has("wright")) o.fail("", "needs exactly one of \"yearly_factor\" and \"wright\"");
  if (o.has("yearly_factor")) {
    plan.yearly_factor = o.number_in("yearly_factor", 1e-6, 1);
    context.assumptions.push_back({o.pointer() + "/yearly_factor", std::to_string(*plan.yearly_factor),
                                   o.string("source", "assumption of the scenario")});
  } else {
    const JsonObject w = o.object("wright");
    market::Wright wright;
    wright.learning_rate = w.number_in("learning_rate", 0, 0.99);
    wright.made = w.number_in("made", 1e-12, 1e30);
    wright.per_year = w.number_in("per_year", 0, 1e30);
    wright.growth = w.number_in("growth_per_year", -0.999, 1e3, 0);
    w.finish();
    plan.wright = wright;
    context.assumptions.push_back({o.pointer() + "/wright", std::to_string(wright.learning_rate) + " per doubling",
                                   o.string("source", "assumption of the scenario")});
  }
  return plan;
}

SubsidyPlan read_subsidy(const JsonObject& o, MarketContext& context) {
  SubsidyPlan plan;
  plan.subsidy.tokens_per_day = o.number_in("tokens_per_day", 0, kMostTokensPerDay);
  plan.subsidy.price_usd_per_mtok = o.number_in("price_usd_per_mtok", 0, kMostPrice);
  plan.subsidy.fixed_usd_per_day = o.number_in("fixed_usd_per_day", 0, 1e12, 0);
  plan.subsidy.growth = o.number_in("growth_per_year", -0.999, 1e3, 0);
  plan.cash_usd = o.number_in("cash_usd", 1e-6, 1e12);
  if (o.has("factory") == o.has("cost_usd_per_mtok"))
    o.fail("", "needs exactly one of \"factory\" and \"cost_usd_per_mtok\"");
  if (o.has("factory")) plan.cost = read_curve_use(o, "factory", context);
  else plan.subsidy.cost_usd_per_mtok = o.number_in("cost_usd_per_mtok", 0, kMostPrice);
  return plan;
}

RoutingPlan read_routing(const JsonObject& o, std::uint64_t seed, MarketContext& context) {
  RoutingPlan plan;
  plan.spec.seed = seed;
  plan.spec.choice = read_choice(o, {.rule = market::ChoiceRule::inverse_square});
  plan.spec.exclusion_s = o.number_in("exclusion_s", 0, 1e9, 30);
  plan.spec.requests_per_s = o.number_in("requests_per_s", 1e-6, 1e6, 10);
  plan.spec.duration_s = o.number_in("duration_s", 1e-6, 1e7, 600);
  if (plan.spec.requests_per_s * plan.spec.duration_s > kMostRequests)
    o.fail("duration_s", "makes more than a hundred million requests");
  for (const JsonObject& offer : o.objects("offers")) {
    market::RoutedOffer& r = plan.spec.offers.emplace_back();
    r.name = offer.string("name");
    r.offer.quality = offer.number_in("quality", -1e3, 1e3, 0);
    if (offer.has("factory") == offer.has("usd_per_mtok"))
      offer.fail("", "needs exactly one of \"factory\" and \"usd_per_mtok\"");
    const bool simulated = offer.has("factory");
    plan.curve.push_back(simulated ? std::optional(read_curve_use(offer, "factory", context)) : std::nullopt);
    if (!simulated) {
      r.offer.price = market::micro(offer.number_in("usd_per_mtok", 1e-6, kMostPrice));
      r.offer.latency_s = offer.number_in("ttft_s", 0, 1e6, 0);
    }
    for (const JsonObject& d : offer.objects("down")) {
      r.down.push_back({d.number_in("from_s", 0, 1e9), d.number_in("to_s", 0, 1e9)});
      d.finish();
    }
    offer.finish();
  }
  if (plan.spec.offers.empty()) o.fail("offers", "is missing or empty");
  return plan;
}

}  // namespace tokenfab
