#include "sim/economics/supply.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sim/economics/supply_parts.h"

namespace tokenfab {

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

}  // namespace tokenfab
