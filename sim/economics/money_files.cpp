#include "sim/economics/money_files.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json_object.h"
#include "sim/economics/money_rows.h"

namespace tokenfab {
namespace {

const std::vector<std::string> kRentKinds = {"on-demand",      "reserved-1y",     "reserved-3y", "spot",
                                             "capacity-block", "tco-hyperscaler", "tco-neocloud"};

void read_rents(const JsonObject& top, MoneyFiles& out) {
  std::set<std::string> rows, groups, with_default;
  for (const auto& o : top.objects("rents")) {
    MoneyFiles::RentRow row;
    row.chip = read_money_text(o, "chip");
    row.rent.kind = o.one_of("kind", kRentKinds);
    row.rent.provider = read_money_text(o, "provider");
    row.rent.usd_per_chip_hour = read_price(o, "usd_per_chip_hour", "USD per chip-hour", 0.001, 1000);
    if (o.has("upfront_share")) row.rent.upfront_share = read_price(o, "upfront_share", "1", 0, 1).value;
    row.is_default = o.boolean("default", false);
    o.finish();
    const std::string group = row.chip + " " + row.rent.kind;
    if (!rows.insert(group + " " + row.rent.provider).second) o.fail("provider", "has this row already: " + group);
    groups.insert(group);
    if (row.is_default && !with_default.insert(group).second) o.fail("default", "is set twice for " + group);
    out.rents.push_back(row);
  }
  for (const auto& group : groups)
    if (!with_default.count(group)) top.fail("rents", "no row of " + group + " has \"default\": true");
}

void read_sites(const JsonObject& top, MoneyFiles& out) {
  std::set<std::string> names;
  int defaults = 0;
  for (const auto& o : top.objects("sites")) {
    MoneyFiles::SiteRow row;
    row.name = read_money_text(o, "name");
    row.pue = read_price(o, "pue", "1", 1, 10);
    row.grid_carbon = read_price(o, "grid_carbon", "gCO2e/kWh", 0, 5000);
    row.electricity = read_optional(o, "electricity", "USD/kWh", 0, 10);
    row.market_carbon = read_optional(o, "market_carbon", "gCO2e/kWh", 0, 5000);
    row.is_default = o.boolean("default", false);
    o.finish();
    if (!names.insert(row.name).second) o.fail("name", "\"" + row.name + "\" has a row already");
    defaults += row.is_default;
    out.sites.push_back(row);
  }
  if (defaults != 1) top.fail("sites", std::to_string(defaults) + " rows have \"default\": true; one must");
  const JsonObject e = top.object("embodied");
  out.embodied_life = read_price(e, "life", "years", 0.1, 50);
  out.embodied_default = read_price(e, "default", "kgCO2e", 0.1, 1e6);
  const JsonObject chips = e.object("chips");
  for (const auto& chip : chips.keys()) out.embodied[chip] = read_price(chips, chip, "kgCO2e", 0.1, 1e6);
  const JsonObject alone = e.object_or_empty("chips_alone");
  for (const auto& chip : alone.keys()) out.embodied_chip_alone[chip] = read_price(alone, chip, "kgCO2e", 0.1, 1e6);
  e.finish();
}

void read_ownership(const JsonObject& top, MoneyFiles& out) {
  const JsonObject o = top.object("ownership");
  out.life = read_price(o, "life", "years", 0.1, 50);
  out.residual = read_price(o, "residual", "1", 0, 1);
  out.interest = read_price(o, "interest", "1/year", 0, 1);
  out.hosting = read_price(o, "hosting", "USD/kW-month", 0, 100'000);
  out.server_share = read_price(o, "server_share", "1", 0, 10);
  out.network_share = read_price(o, "network_share", "1", 0, 10);
  out.staff = read_price(o, "staff", "USD per chip-year", 0, 1e6);
  out.software = read_price(o, "software", "USD per chip-year", 0, 1e6);
  const JsonObject lives = o.object_or_empty("accounting_lives");
  for (const auto& who : lives.keys()) out.lives[who] = read_price(lives, who, "years", 0.1, 50);
  const JsonObject chips = o.object("chips");
  for (const auto& chip : chips.keys()) {
    const JsonObject c = chips.object(chip);
    out.owned[chip] = {read_optional(c, "price", "USD", 1, 1e8),
                       read_optional(c, "provisioned_power", "kW", 0.001, 1000)};
    c.finish();
  }
  o.finish();
}

}  // namespace

MoneyFiles read_money_files(const std::string& folder) {
  MoneyFiles out;
  const auto load = [&](const std::string& name, void (*read)(const JsonObject&, MoneyFiles&)) {
    const std::string path = folder + "/" + name;
    const nlohmann::json document = parse_json_file(path);
    const JsonObject top(document, path);
    read(top, out);
    top.finish();
  };
  load("rents.json", read_rents);
  load("tokens.json", read_tokens);
  load("capacity.json", read_capacity);
  load("sites.json", read_sites);
  load("ownership.json", read_ownership);
  return out;
}

}  // namespace tokenfab
