#include "scenarios/market_json.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "sim/economics/supply.h"
#include "sim/market/money.h"

namespace tokenfab {
namespace {

using market::micro;

constexpr double kMostUsd = 1e12, kMostPrice = 1e6;  // USD; USD per million tokens: sums stay in 63 bits
constexpr double kMostTokensPerDay = 1e18;

template <std::size_t N>
std::size_t index_of(const JsonObject& o, const std::string& key, const std::array<const char*, N>& names,
                     const char* fallback) {
  const std::string name = o.one_of(key, {names.begin(), names.end()}, fallback);
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

int whole(const JsonObject& o, const std::string& key, int low, int high, int fallback) {
  return static_cast<int>(o.integer(key, low, high, fallback));
}

market::PricePolicy read_price(const JsonObject& o) {
  market::PricePolicy p;
  p.rule = static_cast<market::PriceRule>(index_of(o, "rule", market::kPriceRules, "fixed"));
  p.price = micro(o.number_in("usd_per_mtok", 1e-6, kMostPrice));
  p.markup = o.number_in("markup", -1, 1e6, 0);
  p.step = micro(o.number_in("step_usd", 1e-6, kMostPrice, 0.01));
  if (o.has("floor_usd")) p.floor = micro(o.number_in("floor_usd", 1e-6, kMostPrice));
  p.until_cash = micro(o.number_in("until_cash_usd", 0, kMostUsd, 0));
  o.finish();
  return p;
}

std::vector<market::Outage> read_outages(const JsonObject& provider) {
  std::vector<market::Outage> out;
  for (const JsonObject& o : provider.objects("outages")) {
    out.push_back({o.number_in("from_h", 0, 1e9), o.number_in("to_h", 0, 1e9)});
    if (out.back().to_h <= out.back().from_h) o.fail("to_h", "is not after \"from_h\"");
    o.finish();
  }
  return out;
}

void refuse_second(const JsonObject& o, const std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) != names.end()) o.fail("name", "\"" + name + "\" is there twice");
}

market::ProviderSpec read_seller(const JsonObject& o) {
  market::ProviderSpec p;
  p.name = o.string("name");
  p.cash = micro(o.number_in("cash_usd", 0, kMostUsd));
  p.fixed_usd_h = o.number_in("fixed_usd_per_month", 0, kMostUsd, 0) / (market::kHoursPerYear / 12);
  p.quality = o.number_in("quality", -1e3, 1e3, 0);
  const JsonObject price = o.object("price");
  p.price = read_price(price);
  if (o.has("usd_per_mtok") && o.has("capacity"))
    o.fail("capacity", "belongs to a provider with a factory; tokens bought for resale come in any amount");
  p.capacity = read_capacity(o);
  p.outages = read_outages(o);
  if (o.has("usd_per_mtok")) {
    p.supplier.resale_usd_per_mtok = o.number_in("usd_per_mtok", 0, kMostPrice);
    p.supplier.resale_ttft_s = o.number_in("ttft_s", 0, 1e6, 0);
  }
  return p;
}

}  // namespace

market::Profile read_profile(const JsonObject& parent) {
  const JsonObject o = parent.object_or_empty("profile");
  market::Profile p;
  p.amplitude = o.number_in("amplitude", 0, 1, 0);
  p.peak_hour = o.number_in("peak_hour", 0, 24, 14);
  p.weekend = o.number_in("weekend", 0, 100, 1);
  p.utc_offset_h = o.number_in("utc_offset_h", -14, 14, 0);
  if (o.has("hours")) {
    p.hours = o.numbers("hours");
    const bool negative = std::any_of(p.hours.begin(), p.hours.end(), [](double f) { return f < 0; });
    const bool zero = std::all_of(p.hours.begin(), p.hours.end(), [](double f) { return f <= 0; });
    if (p.hours.size() != 24 || negative || zero) o.fail("hours", "is not 24 factors, none below 0, not all 0");
  }
  o.finish();
  return p;
}

market::Choice read_choice(const JsonObject& parent, const market::Choice& fallback) {
  if (!parent.has("choice")) return fallback;
  const JsonObject o = parent.object("choice");
  market::Choice c;
  c.rule = static_cast<market::ChoiceRule>(index_of(o, "rule", market::kChoiceRules, "logit"));
  c.price_weight = o.number_in("price_weight", 0, 1e3, c.price_weight);
  c.latency_weight = o.number_in("latency_weight", 0, 1e6, c.latency_weight);
  c.quality_weight = o.number_in("quality_weight", 0, 1e6, c.quality_weight);
  if (o.has("latency_s")) c.latency_s = o.number_in("latency_s", 0, 1e6);
  o.finish();
  return c;
}

std::vector<market::Segment> read_segments(const JsonObject& top) {
  const market::Choice common = read_choice(top, {});
  std::vector<market::Segment> out;
  std::vector<std::string> names;
  for (const JsonObject& o : top.objects("segments")) {
    market::Segment s;
    s.name = o.string("name");
    refuse_second(o, names, s.name);
    names.push_back(s.name);
    s.demand.quantity = o.number_in("tokens_per_day", 0, kMostTokensPerDay) / market::kHoursPerDay;
    s.demand.price = o.number_in("reference_usd_per_mtok", 1e-6, kMostPrice);
    s.demand.elasticity = o.number_in("elasticity", -100, 0, -1);
    s.growth = o.number_in("growth_per_year", -0.999, 1e3, 0);
    if (o.has("choke_usd_per_mtok")) s.choke_usd_per_mtok = o.number_in("choke_usd_per_mtok", 1e-6, kMostPrice);
    s.profile = read_profile(o);
    s.choice = read_choice(o, common);
    o.finish();
    out.push_back(std::move(s));
  }
  return out;
}

market::CapacityPolicy read_capacity(const JsonObject& parent) {
  const JsonObject o = parent.object_or_empty("capacity");
  market::CapacityPolicy p;
  p.rule = static_cast<market::CapacityRule>(index_of(o, "rule", market::kCapacityRules, "reactive"));
  p.replicas = whole(o, "replicas", 0, 1'000'000, 1);
  p.target_load = o.number_in("target_load", 0.01, 1, 1);
  p.cold_start_h = o.number_in("cold_start_h", 0, 1e4, 0);
  p.least = whole(o, "least", 0, 1'000'000, 1);
  p.most = whole(o, "most", 1, 1'000'000, 1'000'000);
  if (p.most < p.least) o.fail("most", "is below \"least\"");
  const bool scheduled = p.rule == market::CapacityRule::scheduled;
  if (o.has("schedule") != scheduled) o.fail("schedule", "belongs to the rule \"scheduled\", which needs it");
  if (scheduled)
    for (const double replicas : o.numbers("schedule")) {
      if (replicas < 0 || replicas > 1e6 || replicas != std::floor(replicas))
        o.fail("schedule", "has numbers that are not whole");
      p.schedule.push_back(static_cast<int>(replicas));
    }
  if (p.schedule.size() == 24)
    for (std::size_t h = 24; h < 168; ++h) p.schedule.push_back(p.schedule[h - 24]);
  if (scheduled && p.schedule.size() != 168) o.fail("schedule", "is not 24 numbers of replicas, or 168");
  o.finish();
  return p;
}

CurveUse read_curve_use(const JsonObject& o, const std::string& key, MarketContext& context) {
  std::vector<std::string> names;
  for (const auto& f : context.factories) names.push_back(f.name);
  const std::string name = o.one_of(key, names);
  CurveUse use;
  use.factory = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  if (o.has("supply"))
    for (const PoolPlan& pool : context.factories[use.factory].alternative.pools)
      use.supplies.push_back(read_supply(o, pool.spec.model->deployment().chip.id, context.money, context.assumptions));
  return use;
}

CompetitionPlan read_competition(const JsonObject& top, MarketContext& context) {
  CompetitionPlan plan;
  market::CompetitionSpec& spec = plan.spec;
  spec.step_h = top.number_in("step_h", 1.0 / 60, 24, 1);
  spec.round_h = top.number_in("round_h", spec.step_h, 1e5, market::kHoursPerWeek);
  spec.horizon_h = top.number_in("years", 1e-4, 30) * market::kHoursPerYear;
  spec.highest_price = micro(top.number_in("highest_usd_per_mtok", 1e-6, kMostPrice, 1000));
  spec.segments = context.segments;
  if (spec.segments.empty()) top.fail("segments", "is missing or empty; providers need somebody to sell to");
  std::vector<std::string> names;
  for (const JsonObject& o : top.objects("providers")) {
    spec.providers.push_back(read_seller(o));
    refuse_second(o, names, spec.providers.back().name);
    names.push_back(spec.providers.back().name);
    if (o.has("factory") == o.has("usd_per_mtok"))
      o.fail("", "needs exactly one of \"factory\" and \"usd_per_mtok\" (tokens bought for resale)");
    if (o.has("factory")) plan.curve.emplace_back(read_curve_use(o, "factory", context));
    else plan.curve.emplace_back(std::nullopt);
    o.finish();
  }
  if (spec.providers.empty()) top.fail("providers", "is empty");
  return plan;
}

}  // namespace tokenfab
