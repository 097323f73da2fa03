#include "sim/economics/plans/read_plan.h"

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

Price price(const JsonObject& o, const std::string& key, const std::string& unit) {
  return {o.number_in(key, 0, 1e9), unit, o.string("source", "scenario"), o.string("as_of", "")};
}

/// One of `a` and `b` is given.
bool either(const JsonObject& o, const char* a, const char* b) {
  if (o.has(a) == o.has(b)) o.fail("", std::string("needs exactly one of \"") + a + "\" and \"" + b + "\"");
  return o.has(a);
}

std::map<std::string, Price> listed(const JsonObject& o, const char* unit, const PlanContext& context) {
  const std::string provider = o.string("provider"), item = o.string("item");
  try {
    return context.money.capacity(provider, item, unit);
  } catch (const UserError& e) {
    o.fail("item", e.what());
  }
}

ChipTime read_chip_time(const JsonObject& o, const PlanContext& context) {
  ChipTime t;
  if (o.has("provider")) {
    t.usd_per_chip_second = listed(o, kPerChipSecond, context).begin()->second;
  } else if (either(o, "usd_per_second", "usd_per_hour")) {
    t.usd_per_chip_second = price(o, "usd_per_second", kPerChipSecond);
  } else {
    t.usd_per_chip_second = price(o, "usd_per_hour", kPerChipSecond);
    t.usd_per_chip_second.value /= 3600;
  }
  t.idle = o.one_of("charged", {"busy", "paid"}, "busy") == "paid";
  t.boot_s = o.number_in("boot_s", 0, 1e6, 0);
  return t;
}

/// A price, or one per term of commitment; from the catalogue where a provider is named.
void read_unit_price(const JsonObject& o, const PlanContext& context, Provisioned& t) {
  std::map<std::string, Price> rows;
  if (o.has("provider")) {
    rows = listed(o, kPerUnitHour, context);
  } else if (o.raw("usd_per_unit_hour").is_number()) {
    rows["none"] = price(o, "usd_per_unit_hour", kPerUnitHour);
  } else {
    const JsonObject given = o.object("usd_per_unit_hour");
    for (const auto& term : given.keys())
      rows[term] = {given.number_in(term, 0, 1e9), kPerUnitHour, o.string("source", "scenario"), o.string("as_of", "")};
    given.finish();
  }
  std::vector<std::string> terms;
  for (const auto& [term, p] : rows) terms.push_back(term);
  t.term = terms.size() == 1 ? o.one_of("term", terms, terms.front()) : o.one_of("term", terms);
  t.usd_per_unit_hour = rows[t.term];
  if (t.term != "none" && rows.count("none") > 0) t.usd_without_term = rows["none"];
}

Provisioned read_provisioned(const JsonObject& o, const PlanContext& context) {
  Provisioned t;
  t.units = o.number_in("units", 0, 1e9);
  read_unit_price(o, context, t);
  t.tokens_per_s = either(o, "tokens_per_s", "tokens_per_minute") ? o.number_in("tokens_per_s", 0, 1e12)
                                                                  : o.number_in("tokens_per_minute", 0, 1e14) / 60;
  const JsonObject weights = o.object_or_empty("weights");
  t.input_weight = weights.number_in("input", 0, 1e6, 1);
  t.cached_weight = weights.number_in("cached_input", 0, 1e6, 0);
  t.output_weight = weights.number_in("output", 0, 1e6, 1);
  weights.finish();
  const bool spill = o.one_of("overflow", {"spill", "reject"}) == "spill";
  if (spill != o.has("on_demand"))
    o.fail("on_demand", spill ? "is missing: the tariff that spilled tokens are charged at"
                              : "is for \"overflow\": \"spill\"; here what comes over is turned away");
  if (spill) t.on_demand = read_tariff(o, "on_demand", context);
  return t;
}

Subscription read_subscription(const JsonObject& o, const PlanContext&) {
  Subscription t;
  t.users = o.number_in("users", 0, 1e12);
  t.usd_per_user_month = price(o, "usd_per_user_month", "USD per user-month");
  t.included_tokens = o.number_in("included_tokens", 0, 1e18);
  t.overage = price(o, "overage_usd_per_mtok", kPerMillionTokens);
  return t;
}

TokenPools read_pools(const JsonObject& o, const PlanContext&) {
  TokenPools t;
  t.usd_per_pool = price(o, "usd_per_pool", "USD per pool");
  t.tokens_per_pool = o.number_in("tokens_per_pool", 1, 1e18);
  t.least = static_cast<double>(o.integer("least_pools", 0, 1'000'000'000, 0));
  return t;
}

UserUsage read_usage(const JsonObject& o) {
  UserUsage u;
  if (either(o, "lognormal_sigma", "pareto_alpha")) {
    u.parameter = o.number_in("lognormal_sigma", 1e-6, 10);
  } else {
    u.shape = UserUsage::Shape::pareto;
    u.parameter = o.number_in("pareto_alpha", 1.000001, 1000);
  }
  o.finish();
  return u;
}

Unlimited read_unlimited(const JsonObject& o, const PlanContext&) {
  Unlimited t;
  t.users = o.number_in("users", 1e-9, 1e12);
  t.usd_per_user_month = price(o, "usd_per_user_month", "USD per user-month");
  t.usage = read_usage(o.object("usage"));
  t.selection = o.number_in("selection", 0, 10, 0);
  if (t.usage.shape == UserUsage::Shape::pareto && t.usage.parameter - t.selection <= 1)
    o.fail("selection", "must be less than pareto_alpha - 1: the mean of the joining users would be infinite");
  return t;
}

RevenueShare read_revenue_share(const JsonObject& o, const PlanContext& context) {
  return {o.number_in("share", 0, 1), std::make_shared<PricePlan>(read_price_plan(o.object("of"), context))};
}

FreeTier read_free_tier(const JsonObject& o, const PlanContext& context) {
  return {o.number_in("conversion", 0, 1), o.number_in("free_usage", 0, 1e6, 1),
          std::make_shared<PricePlan>(read_price_plan(o.object("paid"), context))};
}

FixedOutput read_fixed_output(const JsonObject& o, const PlanContext&) {
  if (either(o, "usd_per_mtok", "usd_per_request"))
    return {FixedOutput::Per::output_mtok, price(o, "usd_per_mtok", "USD per million output tokens")};
  return {FixedOutput::Per::request, price(o, "usd_per_request", "USD per request")};
}

template <class Read>
auto reader(Read read) {
  return [read](const JsonObject& plan, const std::string& key, const PlanContext& context) {
    const JsonObject o = plan.object(key);
    auto terms = read(o, context);
    o.finish();
    return PricePlan(key, std::move(terms));
  };
}

using Reader = std::function<PricePlan(const JsonObject& plan, const std::string& key, const PlanContext& context)>;

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> all = {
      {"pay_per_token", [](const JsonObject& plan, const std::string& key,
                           const PlanContext& context) { return PricePlan(key, read_tariff(plan, key, context)); }},
      {"gpu_second", reader(read_chip_time)},
      {"provisioned", reader(read_provisioned)},
      {"subscription", reader(read_subscription)},
      {"token_pools", reader(read_pools)},
      {"unlimited", reader(read_unlimited)},
      {"revenue_share", reader(read_revenue_share)},
      {"free_tier", reader(read_free_tier)},
      {"fixed_output", reader(read_fixed_output)},
  };
  return all;
}

std::vector<SlaRule> read_sla(const JsonObject& plan) {
  std::vector<SlaRule> out;
  for (const JsonObject& o : plan.objects("sla")) {
    SlaRule rule;
    if (o.one_of("objective", {"good", "available"}) == "good") rule.objective = SlaRule::Objective::good;
    rule.at_least = o.number_in("at_least", 0, 1);
    rule.credit = o.number_in("credit", 0, 1);
    o.finish();
    out.push_back(rule);
  }
  return out;
}

}  // namespace

PricePlan read_price_plan(const JsonObject& plan, const PlanContext& context) {
  std::vector<std::string> known;
  const Reader* read = nullptr;
  std::string kind;
  for (const auto& [key, one] : readers()) {
    known.push_back(key);
    if (!plan.has(key)) continue;
    if (read) plan.fail("", "has both \"" + kind + "\" and \"" + key + "\"; a plan is of one kind");
    read = &one;
    kind = key;
  }
  const auto sla = read_sla(plan);
  const std::string name = plan.string("name", kind);
  if (!read) {
    plan.finish();  // an unknown key is named first
    plan.fail("", "needs one of " + join_names(known));
  }
  PricePlan out = (*read)(plan, kind, context);
  out.name = name;
  out.sla = sla;
  plan.finish();
  return out;
}

}  // namespace tokenfab
