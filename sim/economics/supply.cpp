#include "sim/economics/supply.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sim/economics/supply_parts.h"

namespace tokenfab {
namespace {

constexpr const char* kPerMillion = "USD per million tokens";

}  // namespace

Price given_price(const JsonObject& o, const std::string& key, double low, double high, const std::string& unit) {
  return {o.number_in(key, low, high), unit, "scenario", ""};
}

void PriceDefaults::take(const std::string& key, double low, double high, Price& price) {
  if (object_.has(key)) {
    price = given_price(object_, key, low, high, price.unit);
  } else if (price.source.empty()) {
    object_.fail(key, "is missing, and no figure is known for " + about_);
  } else {
    const std::string unit = price.unit == "1" ? "" : " " + price.unit;
    assumptions_.push_back(
        {object_.pointer() + "/" + key, shortest(price.value) + unit, price.source + ", " + price.as_of});
  }
}

Supply read_supply(const JsonObject& pool, const std::string& chip, const MoneyCatalog& money,
                   std::vector<Assumption>& assumptions) {
  static const nlohmann::json kOnDemand = {{"rent", "on-demand"}}, kOwn = {{"own", nlohmann::json::object()}};
  const bool absent = !pool.has("supply"), rented = !money.rent_kinds(chip).empty();
  if (absent && rented)
    assumptions.push_back({pool.pointer() + "/supply/rent", "on-demand", "no supply given: chips rented on demand"});
  if (absent && !rented)
    assumptions.push_back({pool.pointer() + "/supply/own", "all known figures",
                           "no supply given, and no rent is known for " + chip + ": chips owned"});
  const JsonObject o =
      absent ? JsonObject(rented ? kOnDemand : kOwn, pool.file(), pool.pointer() + "/supply") : pool.object("supply");
  if (o.has("rent") == o.has("own")) o.fail("", "needs exactly one of \"rent\" and \"own\"");
  Supply supply;
  if (o.has("rent")) read_rents(o, chip, money, assumptions, supply);
  else supply.owned = read_owned(o, chip, money, assumptions);
  supply.site = read_site(o, chip, money, assumptions);
  o.finish();
  return supply;
}

TokenPlan parse_plan(const JsonObject& plan, const std::string& llm, const MoneyCatalog& money) {
  TokenPlan out;
  if (plan.raw("pay_per_token").is_string()) {
    out = looked_up(plan, "pay_per_token", [&] { return money.plan(llm, plan.string("pay_per_token")); });
  } else {
    const JsonObject o = plan.object("pay_per_token");
    out.input = given_price(o, "input", 0, 1e6, kPerMillion);
    out.output = given_price(o, "output", 0, 1e6, kPerMillion);
    out.cached_input = out.input;
    out.cached_input.source += " (input price: no price of cached input given)";
    if (o.has("cached_input")) out.cached_input = given_price(o, "cached_input", 0, 1e6, kPerMillion);
    o.finish();
  }
  plan.finish();
  return out;
}

}  // namespace tokenfab
