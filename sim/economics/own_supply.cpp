// Ownership and sites as scenarios write them.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sim/economics/capital.h"
#include "sim/economics/supply_parts.h"

namespace tokenfab {
namespace {

/// The site's name in the catalogue; "" = the default one.
std::string site_name(const JsonObject& supply) {
  if (!supply.has("site")) return "";
  return supply.raw("site").is_string() ? supply.string("site") : supply.object("site").string("like", "");
}

/// As a whole, or the chip with its server and network on top.
void read_capex(const JsonObject& o, PriceDefaults& d, Owned& own) {
  const bool parts = o.has("chip_usd") || o.has("server_share") || o.has("network_share");
  if (!parts) return d.take("capex_usd_per_chip", 0, 1e9, own.capex_usd_per_chip);
  if (o.has("capex_usd_per_chip"))
    o.fail("capex_usd_per_chip", "is the whole; it cannot stand beside chip_usd, server_share or network_share");
  d.take("chip_usd", 0, 1e9, own.chip_usd);
  d.take("server_share", 0, 10, own.server_share);
  d.take("network_share", 0, 10, own.network_share);
  own.capex_usd_per_chip = built_up_capex(own.chip_usd, own.server_share, own.network_share);
}

/// "wacc" in the place of "interest".
void read_interest(const JsonObject& o, PriceDefaults& d, Owned& own) {
  if (!o.has("wacc")) return d.take("interest", 0, 1, own.interest);
  if (o.has("interest")) o.fail("wacc", "cannot stand beside interest");
  const JsonObject w = o.object("wacc");
  const double equity = w.number_in("equity_share", 0, 1), of_equity = w.number_in("cost_of_equity", 0, 1),
               of_debt = w.number_in("cost_of_debt", 0, 1);
  w.finish();
  own.interest = {weighted_cost_of_capital(equity, of_equity, of_debt, own.tax_rate.value), own.interest.unit,
                  "scenario: weighted cost of " + shortest(equity) + " equity at " + shortest(of_equity) +
                      " and debt at " + shortest(of_debt) + " less tax",
                  ""};
}

void read_tax(const JsonObject& o, Owned& own) {
  if (o.has("tax_rate")) own.tax_rate = given_price(o, "tax_rate", 0, 0.99, "1");
  own.depreciation = o.one_of("depreciation", kDepreciationNames, own.depreciation);
  own.depreciation_years = static_cast<double>(o.integer("depreciation_years", 0, 100, 0));
}

void check_tax(const JsonObject& o, const Owned& own) {
  const double life = own.life_years.value;
  if (own.tax_rate.value > 0 && life != std::round(life))
    o.fail("life_years", shortest(life) + " years are not whole years, which a tax_rate needs");
}

}  // namespace

Owned read_owned(const JsonObject& supply, const std::string& chip, const MoneyCatalog& money,
                 std::vector<Assumption>& assumptions) {
  const JsonObject o = supply.object("own");
  const std::string site = site_name(supply);
  Owned own = looked_up(supply, "site", [&] { return money.owned(chip, site); });
  PriceDefaults d(o, chip, assumptions), at_site(o, "site " + (site.empty() ? "default" : site), assumptions);
  read_capex(o, d, own);
  d.take("life_years", 0.01, 100, own.life_years);
  d.take("residual_share", 0, 1, own.residual_share);
  read_tax(o, own);
  read_interest(o, d, own);
  at_site.take("electricity_usd_per_kwh", 0, 100, own.electricity_usd_per_kwh);
  d.take("hosting_usd_per_kw_month", 0, 1e5, own.hosting_usd_per_kw_month);
  d.take("provisioned_kw_per_chip", 0, 1e3, own.provisioned_kw_per_chip);
  d.take("staff_usd_per_chip_year", 0, 1e7, own.staff_usd_per_chip_year);
  d.take("software_usd_per_chip_year", 0, 1e7, own.software_usd_per_chip_year);
  check_tax(o, own);
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
  PriceDefaults d(o, chip, assumptions);
  if (absent || own) {
    d.take("pue", 1, 10, site.pue);
    d.take("grid_gco2e_per_kwh", 0, 1e4, site.grid_gco2e_per_kwh);
  }
  if (o.has("market_gco2e_per_kwh"))
    site.market_gco2e_per_kwh = given_price(o, "market_gco2e_per_kwh", 0, 1e4, site.grid_gco2e_per_kwh.unit);
  if (o.one_of("embodied_boundary", {"chip-and-host", "chip"}, "chip-and-host") == "chip")
    site.embodied_kgco2e_per_chip = money.embodied_chip_alone(chip);
  d.take("embodied_kgco2e_per_chip", 0, 1e6, site.embodied_kgco2e_per_chip);
  d.take("embodied_life_years", 0.01, 100, site.embodied_life_years);
  o.finish();
  return site;
}

}  // namespace tokenfab
