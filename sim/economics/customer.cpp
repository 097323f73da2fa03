#include "sim/economics/customer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sim/economics/formulas.h"
#include "sim/economics/plans/read_plan.h"
#include "sim/economics/supply.h"

namespace tokenfab {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kFactory = "factory";

InteractionTokens read_tokens(const JsonObject& o) {
  InteractionTokens t;
  t.input = o.number_in("input", 0, 1e12);
  t.cached = o.number_in("cached_input", 0, t.input, 0);
  t.output = o.number_in("output", 0, 1e12);
  if (t.all() <= 0) o.fail("", "holds no tokens");
  o.finish();
  return t;
}

/// Kinds of plan that somebody who uses tokens is billed by: the others need a factory's run, or are a seller's.
constexpr std::array<const char*, 6> kKinds = {"pay_per_token", "provisioned", "subscription",
                                               "token_pools",   "unlimited",   "fixed_output"};

PricePlan read_plan(const JsonObject& plan, const PlanContext& context) {
  std::vector<std::string> known;
  for (const char* kind : kKinds) {
    known.emplace_back(kind);
    if (!plan.has(kind)) continue;
    if (plan.has("sla")) plan.fail("sla", "gives credits for a run's outages; a customer's file has no run");
    return read_price_plan(plan, context);
  }
  plan.fail("", "needs one of " + join_names(known));
}

std::vector<NamedPlan> read_plans(const JsonObject& o, const MoneyCatalog& money, std::vector<Assumption>& assumed) {
  const std::string llm = o.string("llm", "");
  const JsonObject plans = o.object("plans");
  std::vector<NamedPlan> out;
  for (const std::string& name : plans.keys()) {
    if (name == "comment") continue;
    if (name == kFactory) plans.fail(name, "is the name of the factory of one's own; another one is needed");
    const JsonObject plan = plans.object(name);
    if (llm.empty() && plan.has("pay_per_token") && plan.raw("pay_per_token").is_string())
      o.fail("llm", "is missing: the plan \"" + name + "\" is a provider's name");
    out.push_back({name, read_plan(plan, {llm, money, assumed})});
  }
  if (out.empty()) o.fail("plans", "is empty; at least one is needed");
  plans.finish();
  return out;
}

/// The name of a plan, or where allowed of the factory.
std::string plan_name(const JsonObject& o, const std::string& key, const Customer& c, bool factory) {
  std::vector<std::string> names;
  for (const NamedPlan& plan : c.plans) names.push_back(plan.name);
  if (factory) names.push_back(kFactory);
  return o.one_of(key, names);
}

CustomerTarget read_target(const JsonObject& o, const Customer& c) {
  CustomerTarget t;
  const int given = o.has("usd_per_interaction") + o.has("usd_per_user_month") + o.has("cogs_share") + o.has("saving");
  if (given != 1)
    o.fail("", "needs exactly one of \"usd_per_interaction\", \"usd_per_user_month\", \"cogs_share\" and \"saving\"");
  if (o.has("usd_per_interaction")) t.usd_per_interaction = o.number_in("usd_per_interaction", 0, 1e9);
  if (o.has("usd_per_user_month")) t.usd_per_user_month = o.number_in("usd_per_user_month", 0, 1e9);
  if (o.has("cogs_share")) t.cogs_share = o.number_in("cogs_share", 0, 10);
  if (o.has("usd_per_user_month") && c.users <= 0) o.fail("usd_per_user_month", "needs \"users\"");
  if (o.has("cogs_share") && c.revenue_usd_per_month <= 0) o.fail("cogs_share", "needs \"revenue_usd_per_month\"");
  if (o.has("saving")) {
    const JsonObject s = o.object("saving");
    t.saving_share = s.number_in("share", 0, 1);
    t.saving_against = plan_name(s, "against", c, false);
    s.finish();
  }
  o.finish();
  return t;
}

/// The last of [good, bad) that still is good, to 1e-12 of it.
double bisect_last(const std::function<bool(double)>& is_good, double good, double bad) {
  while (bad - good > 1e-12 * good) {
    const double middle = good + (bad - good) / 2;
    if (middle <= good || middle >= bad) break;
    (is_good(middle) ? good : bad) = middle;
  }
  return good;
}

double monthly(const Customer& c, double per_interaction) { return per_interaction * c.interactions_per_month; }

const PricePlan& plan_of(const Customer& c, const std::string& name) {
  return std::find_if(c.plans.begin(), c.plans.end(), [&](const NamedPlan& p) { return p.name == name; })->plan;
}

}  // namespace

Customer read_customer(const JsonObject& o, const MoneyCatalog& money) {
  Customer c;
  c.name = o.string("name", "customer");
  c.tokens = read_tokens(o.object("tokens_per_interaction"));
  c.interactions_per_month = o.number_in("interactions_per_month", 1e-9, 1e15);
  c.users = o.number_in("users", 0, 1e12, 0);
  c.revenue_usd_per_month = o.number_in("revenue_usd_per_month", 0, 1e15, 0);
  c.other_usd_per_interaction = o.number_in("other_usd_per_interaction", 0, 1e9, 0);
  c.plans = read_plans(o, money, c.assumptions);
  if (o.has("target")) c.target = read_target(o.object("target"), c);
  if (o.has(kFactory)) {
    const JsonObject f = o.object(kFactory);
    c.factory = f.string("scenario");
    c.platform_fee_share = f.number_in("platform_fee_share", 0, 100, 0);
    f.finish();
  }
  if (o.has("switching")) {
    const JsonObject s = o.object("switching");
    c.switching = read_switch(s);
    c.switch_from = plan_name(s, "from", c, !c.factory.empty());
    c.switch_to = plan_name(s, "to", c, !c.factory.empty());
    s.finish();
  }
  o.finish();
  return c;
}

Metered month_of(const Customer& c, double scale) {
  Metered used;
  used.hours = kHoursPerMonth;
  used.requests = c.interactions_per_month;
  const auto bins = static_cast<std::int64_t>(kHoursPerMonth * 3600 / seconds_from_ns(kMeterBin));
  const long double each = static_cast<long double>(c.interactions_per_month) * scale / static_cast<long double>(bins);
  MeteredTokens cell;
  cell.bracket = meter_bracket(static_cast<std::int64_t>(std::min(c.tokens.input * scale, 1e15)));
  cell.input = c.tokens.input * each;
  cell.cached = c.tokens.cached * each;
  cell.output = c.tokens.output * each;
  for (; cell.bin < bins; ++cell.bin) used.cells.push_back(cell);
  return used;
}

Bill monthly_bill(const Customer& c, const PricePlan& plan, double scale) { return bill_of(plan, month_of(c, scale)); }

double interaction_usd(const Customer& c, const PricePlan& plan, double scale) {
  const Bill bill = monthly_bill(c, plan, scale);
  return bill.usd / (c.interactions_per_month * (1 - bill.turned_away));
}

UnitEconomics unit_economics(const Customer& c, double token_usd) {
  UnitEconomics u;
  u.usd_per_interaction = token_usd + c.other_usd_per_interaction;
  u.usd_per_month = monthly(c, u.usd_per_interaction);
  u.usd_per_user_month = c.users > 0 ? u.usd_per_month / c.users : kNone;
  u.cogs_share = c.revenue_usd_per_month > 0 ? u.usd_per_month / c.revenue_usd_per_month : kNone;
  u.usd_per_mtok = token_usd / c.tokens.all() * 1e6;
  return u;
}

double allowed_usd_per_interaction(const Customer& c) {
  const CustomerTarget& t = *c.target;
  if (t.usd_per_interaction >= 0) return t.usd_per_interaction;
  if (t.usd_per_user_month >= 0) return t.usd_per_user_month * c.users / c.interactions_per_month;
  if (t.cogs_share >= 0) return t.cogs_share * c.revenue_usd_per_month / c.interactions_per_month;
  const double today = interaction_usd(c, plan_of(c, t.saving_against)) + c.other_usd_per_interaction;
  return (1 - t.saving_share) * today;
}

namespace {

constexpr double kMostScale = 1e6;

/// The most tokens, as a multiple of today's, that cost at most `allowed`; NaN where none do, or any number does.
double most_scale(const std::function<double(double)>& usd_at, double allowed) {
  const auto fits = [&](double scale) { return usd_at(scale) <= allowed * (1 + 1e-12); };
  if (fits(1)) {
    double high = 2;
    while (high < kMostScale && fits(high)) high *= 2;
    if (high >= kMostScale) return kNone;
    return bisect_last(fits, high / 2, high);
  }
  double low = 0.5;
  while (low > 1 / kMostScale && !fits(low)) low /= 2;
  return low > 1 / kMostScale ? bisect_last(fits, low, 2 * low) : kNone;
}

}  // namespace

TargetSolution solve_target(const Customer& c, const std::function<double(double)>& usd_at) {
  TargetSolution s;
  const double allowed = allowed_usd_per_interaction(c), token_usd = usd_at(1);
  s.met = token_usd + c.other_usd_per_interaction <= allowed * (1 + 1e-12);
  s.allowed_token_usd = allowed - c.other_usd_per_interaction;
  const bool any = s.allowed_token_usd > 0 && token_usd > 0;
  s.price_factor = any ? s.allowed_token_usd / token_usd : kNone;
  s.usd_per_mtok = s.allowed_token_usd > 0 ? s.allowed_token_usd / c.tokens.all() * 1e6 : kNone;
  const double scale = any ? most_scale(usd_at, s.allowed_token_usd) : kNone;
  s.tokens_per_interaction = c.tokens.all() * scale;
  s.output_tokens_per_interaction = c.tokens.output * scale;
  return s;
}

double utilisation_for(double full_usd, double allowed_usd) { return allowed_usd > 0 ? full_usd / allowed_usd : kNone; }

}  // namespace tokenfab
