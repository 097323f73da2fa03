#include "sim/economics/money_catalog.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "sim/economics/money_files.h"

namespace tokenfab {
namespace {

std::string known_names(const std::vector<std::string>& known, const std::string& word) {
  return (known.empty() ? "; none is" : "; known: " + join_names(known, 40)) + nearest_hint(word, known);
}

const MoneyFiles::SiteRow& site_row(const MoneyFiles& files, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& row : files.sites) {
    if (name.empty() ? row.is_default : row.name == name) return row;
    names.push_back(row.name);
  }
  throw UserError("no site \"" + name + "\" is known" + known_names(names, name));
}

}  // namespace

Price built_up_capex(const Price& chip, const Price& server, const Price& network) {
  Price whole = chip;
  if (chip.source.empty()) return whole;
  whole.value *= 1 + server.value + network.value;
  whole.source = "$" + shortest(chip.value) + " (" + chip.source + ") x (1 + " + shortest(server.value) + " + " +
                 shortest(network.value) + ") (server: " + server.source + "; network: " + network.source + ")";
  return whole;
}

MoneyCatalog::MoneyCatalog(const std::string& root)
    : files_(std::make_shared<MoneyFiles>(read_money_files(root + "/money"))) {}

MoneyCatalog MoneyCatalog::standard() {
  const char* home = std::getenv("TOKENFAB_HOME");
  return MoneyCatalog(home && *home ? std::string(home) + "/hwmodels" : std::string(TOKENFAB_DATA_ROOT));
}

std::vector<std::string> MoneyCatalog::rent_kinds(const std::string& chip) const {
  std::vector<std::string> kinds;
  for (const auto& row : files_->rents)
    if (row.chip == chip && std::find(kinds.begin(), kinds.end(), row.rent.kind) == kinds.end())
      kinds.push_back(row.rent.kind);
  return kinds;
}

Rent MoneyCatalog::rent(const std::string& chip, const std::string& kind, const std::string& provider) const {
  std::vector<std::string> providers;
  for (const auto& row : files_->rents) {
    if (row.chip != chip || row.rent.kind != kind) continue;
    if (provider.empty() ? row.is_default : row.rent.provider == provider) return row.rent;
    providers.push_back(row.rent.provider);
  }
  const std::string instead = "; or give /supply/rent/usd_per_chip_hour";
  if (providers.empty())
    throw UserError("no rent of kind \"" + kind + "\" is known for " + chip + known_names(rent_kinds(chip), kind) +
                    instead);
  throw UserError("no rent of kind \"" + kind + "\" from \"" + provider + "\" is known for " + chip +
                  known_names(providers, provider) + instead);
}

TokenPlan MoneyCatalog::plan(const std::string& llm, const std::string& provider) const {
  return tariff(llm, provider).rates.front().prices;
}

TokenTariff MoneyCatalog::tariff(const std::string& llm, const std::string& provider, const std::string& as_of) const {
  std::vector<std::string> providers, dates;
  const MoneyFiles::TokenRow* found = nullptr;
  for (const auto& row : files_->tokens) {
    if (row.llm != llm) continue;
    if (std::find(providers.begin(), providers.end(), row.provider) == providers.end())
      providers.push_back(row.provider);
    if (row.provider != provider) continue;
    dates.push_back(row.as_of());
    if (as_of.empty() ? !found || found->as_of() < row.as_of() : row.as_of() == as_of) found = &row;
  }
  if (found) return found->tariff;
  if (!dates.empty())
    throw UserError("no token price of \"" + provider + "\" of " + as_of + " is known for " + llm +
                    known_names(dates, as_of));
  throw UserError("no token price of \"" + provider + "\" is known for " + llm + known_names(providers, provider) +
                  "; or give {\"input\": …, \"output\": …} in USD per million tokens");
}

std::map<std::string, Price> MoneyCatalog::capacity(const std::string& provider, const std::string& item,
                                                    const std::string& unit) const {
  std::map<std::string, Price> out;
  std::vector<std::string> known;
  for (const auto& row : files_->capacity) {
    if (row.price.unit != unit) continue;
    if (row.provider == provider && row.item == item) out[row.term] = row.price;
    const std::string name = row.provider + " " + row.item;
    if (known.empty() || known.back() != name) known.push_back(name);
  }
  if (out.empty())
    throw UserError("no price in " + unit + " of \"" + provider + " " + item + "\" is known" +
                    known_names(known, provider + " " + item));
  return out;
}

Site MoneyCatalog::site(const std::string& name, const std::string& chip) const {
  const auto& row = site_row(*files_, name);
  const auto own = files_->embodied.find(chip);
  return {row.pue, row.grid_carbon, own != files_->embodied.end() ? own->second : files_->embodied_default,
          files_->embodied_life, row.market_carbon};
}

Price MoneyCatalog::embodied_chip_alone(const std::string& chip) const {
  const auto known = files_->embodied_chip_alone.find(chip);
  if (known != files_->embodied_chip_alone.end()) return known->second;
  Price none;
  none.unit = files_->embodied_default.unit;
  return none;
}

Owned MoneyCatalog::owned(const std::string& chip, const std::string& site) const {
  Owned o;
  o.life_years = files_->life;
  o.residual_share = files_->residual;
  o.interest = files_->interest;
  o.hosting_usd_per_kw_month = files_->hosting;
  o.electricity_usd_per_kwh = site_row(*files_, site).electricity;
  o.capex_usd_per_chip.unit = o.chip_usd.unit = "USD";
  o.server_share = files_->server_share;
  o.network_share = files_->network_share;
  o.staff_usd_per_chip_year = files_->staff;
  o.software_usd_per_chip_year = files_->software;
  o.provisioned_kw_per_chip.unit = "kW";
  const auto known = files_->owned.find(chip);
  if (known == files_->owned.end()) return o;
  o.provisioned_kw_per_chip = known->second.provisioned_power;
  o.chip_usd = known->second.price;
  o.capex_usd_per_chip = built_up_capex(o.chip_usd, o.server_share, o.network_share);
  return o;
}

std::vector<PriceRow> MoneyCatalog::rows() const {
  std::vector<PriceRow> out;
  const auto add = [&out](const std::string& item, const std::string& kind, const std::string& provider,
                          const Price& price, bool is_default) {
    if (!price.source.empty()) out.push_back({item, kind, provider, price, is_default});
  };
  const MoneyFiles& f = *files_;
  for (const auto& r : f.rents) add(r.chip, r.rent.kind, r.rent.provider, r.rent.usd_per_chip_hour, r.is_default);
  for (const auto& t : f.tokens) {
    for (const auto& rates : t.tariff.rates) {
      const std::string when = conditions(rates);
      add(t.llm, "input" + when, t.provider, rates.prices.input, false);
      add(t.llm, "cached input" + when, t.provider, rates.prices.cached_input, false);
      add(t.llm, "cache write" + when, t.provider, rates.prices.cache_write, false);
      add(t.llm, "output" + when, t.provider, rates.prices.output, false);
    }
  }
  for (const auto& c : f.capacity) add(c.item, "capacity, term " + c.term, c.provider, c.price, false);
  for (const auto& s : f.sites) {
    add(s.name, "PUE", "", s.pue, s.is_default);
    add(s.name, "grid carbon", "", s.grid_carbon, s.is_default);
    add(s.name, "electricity", "", s.electricity, s.is_default);
    add(s.name, "market carbon", "", s.market_carbon, s.is_default);
  }
  for (const auto& [chip, price] : f.embodied) add(chip, "embodied carbon", "", price, false);
  for (const auto& [chip, price] : f.embodied_chip_alone) add(chip, "embodied carbon, chip alone", "", price, false);
  add("other chips", "embodied carbon", "", f.embodied_default, true);
  add("all chips", "life for embodied carbon", "", f.embodied_life, true);
  for (const auto& [chip, known] : f.owned) {
    add(chip, "purchase", "", known.price, false);
    add(chip, "provisioned power", "", known.provisioned_power, false);
  }
  add("owned chips", "server share", "", f.server_share, true);
  add("owned chips", "network share", "", f.network_share, true);
  add("owned chips", "staff", "", f.staff, true);
  add("owned chips", "software", "", f.software, true);
  add("owned chips", "life", "", f.life, true);
  for (const auto& [who, years] : f.lives) add("owned chips", "accounting life", who, years, false);
  add("owned chips", "residual share", "", f.residual, true);
  add("owned chips", "interest", "", f.interest, true);
  add("owned chips", "hosting", "", f.hosting, true);
  return out;
}

}  // namespace tokenfab
