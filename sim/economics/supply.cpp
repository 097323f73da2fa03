#include "sim/economics/supply.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

/// A catalogue look-up whose failure is reported at `key`.
template <class Look>
auto looked_up(const JsonObject& object, const std::string& key, Look look) {
  try {
    return look();
  } catch (const UserError& e) {
    object.fail(key, e.what());
  }
}

Price given(const JsonObject& o, const std::string& key, double low, double high, const std::string& unit) {
  return {o.number_in(key, low, high), unit, "scenario", ""};
}

/// A catalogue row; where the provider was left out, the default row is an assumption.
Rent listed_rent(const JsonObject& supply, const std::string& chip, const std::string& kind,
                 const std::string& provider, const MoneyCatalog& money, std::vector<Assumption>& assumptions) {
  const Rent rent = looked_up(supply, "rent", [&] { return money.rent(chip, kind, provider); });
  const Price& p = rent.usd_per_chip_hour;
  if (provider.empty())
    assumptions.push_back({supply.pointer() + "/rent/provider", rent.provider + ": $" + shortest(p.value) + " per hour",
                           "the default row of " + chip + " " + kind + ": " + p.source + ", " + p.as_of});
  return rent;
}

Rent read_rent(const JsonObject& supply, const std::string& chip, const MoneyCatalog& money,
               std::vector<Assumption>& assumptions) {
  if (supply.raw("rent").is_string()) return listed_rent(supply, chip, supply.string("rent"), "", money, assumptions);
  const JsonObject o = supply.object("rent");
  const bool own_price = o.has("usd_per_chip_hour");
  const std::string kind = o.string("kind", own_price ? "own price" : "on-demand");
  const std::string provider = o.string("provider", "");
  Rent rent;
  if (own_price) {
    rent = {kind, given(o, "usd_per_chip_hour", 0, 1e6, "USD per chip-hour"), provider};
    rent.usd_per_chip_hour.source = o.string("source", "scenario");
    rent.usd_per_chip_hour.as_of = o.string("as_of", "");
  }
  o.finish();
  return own_price ? rent : listed_rent(supply, chip, kind, provider, money, assumptions);
}

/// Takes object[key] where given; else keeps the catalogue's price as an assumption, or says that it is missing.
class Defaults {
 public:
  Defaults(const JsonObject& object, std::string about, std::vector<Assumption>& assumptions)
      : object_(object), about_(std::move(about)), assumptions_(assumptions) {}

  void take(const std::string& key, double low, double high, Price& price) {
    if (object_.has(key)) {
      price = given(object_, key, low, high, price.unit);
    } else if (price.source.empty()) {
      object_.fail(key, "is missing, and no figure is known for " + about_);
    } else {
      const std::string unit = price.unit == "1" ? "" : " " + price.unit;
      assumptions_.push_back(
          {object_.pointer() + "/" + key, shortest(price.value) + unit, price.source + ", " + price.as_of});
    }
  }

 private:
  const JsonObject& object_;
  std::string about_;
  std::vector<Assumption>& assumptions_;
};

/// The site's name in the catalogue; "" = the default one.
std::string site_name(const JsonObject& supply) {
  if (!supply.has("site")) return "";
  return supply.raw("site").is_string() ? supply.string("site") : supply.object("site").string("like", "");
}

Owned read_owned(const JsonObject& supply, const std::string& chip, const MoneyCatalog& money,
                 std::vector<Assumption>& assumptions) {
  const JsonObject o = supply.object("own");
  const std::string site = site_name(supply);
  Owned own = looked_up(supply, "site", [&] { return money.owned(chip, site); });
  Defaults d(o, chip, assumptions), at_site(o, "site " + (site.empty() ? "default" : site), assumptions);
  d.take("capex_usd_per_chip", 0, 1e9, own.capex_usd_per_chip);
  d.take("life_years", 0.01, 100, own.life_years);
  d.take("residual_share", 0, 1, own.residual_share);
  d.take("interest", 0, 1, own.interest);
  at_site.take("electricity_usd_per_kwh", 0, 100, own.electricity_usd_per_kwh);
  d.take("hosting_usd_per_kw_month", 0, 1e5, own.hosting_usd_per_kw_month);
  d.take("provisioned_kw_per_chip", 0, 1e3, own.provisioned_kw_per_chip);
  o.finish();
  return own;
}

Site read_site(const JsonObject& supply, const std::string& chip, const MoneyCatalog& money,
               std::vector<Assumption>& assumptions) {
  static const nlohmann::json kNothing = nlohmann::json::object();
  const bool absent = !supply.has("site"), own = !absent && supply.raw("site").is_object();
  const std::string name = site_name(supply);
  Site site = looked_up(supply, "site", [&] { return money.site(name, chip); });
  const JsonObject o(own ? supply.raw("site") : kNothing, supply.file(), supply.pointer() + "/site");
  (void)o.has("like");
  Defaults d(o, chip, assumptions);
  if (absent || own) {
    d.take("pue", 1, 10, site.pue);
    d.take("grid_gco2e_per_kwh", 0, 1e4, site.grid_gco2e_per_kwh);
  }
  d.take("embodied_kgco2e_per_chip", 0, 1e6, site.embodied_kgco2e_per_chip);
  d.take("embodied_life_years", 0.01, 100, site.embodied_life_years);
  o.finish();
  return site;
}

}  // namespace

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
  if (o.has("rent")) supply.rent = read_rent(o, chip, money, assumptions);
  else supply.owned = read_owned(o, chip, money, assumptions);
  supply.site = read_site(o, chip, money, assumptions);
  o.finish();
  return supply;
}

}  // namespace tokenfab
