#include "sim/economics/books.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "sim/economics/formulas.h"

namespace tokenfab {
namespace {

double rent_cost(const PoolUsage& u, const Rent& rent, Books& books) {
  const double hours = u.paid_chip_seconds / 3600, usd = hours * rent.usd_per_chip_hour.value;
  books.entry("compute.rent", rent.provider.empty() ? "chip owner" : rent.provider, usd,
              u.name + ": " + figure(hours) + " paid chip-hours x $" + figure(rent.usd_per_chip_hour.value) + " (" +
                  u.chip + ", " + rent.kind + "; power and hosting included)");
  books.uses(u.chip + " rent, " + rent.kind + (rent.provider.empty() ? "" : ", " + rent.provider),
             rent.usd_per_chip_hour);
  return usd;
}

double capital_cost(const PoolUsage& u, const Owned& o, Books& books) {
  const double crf = capital_recovery_factor(o.interest.value, o.life_years.value);
  const double sff = sinking_fund_factor(o.interest.value, o.life_years.value);
  const double hours = u.paid_chip_seconds / 3600;
  const double usd = o.capex_usd_per_chip.value * (crf - o.residual_share.value * sff) / kHoursPerYear * hours;
  books.entry("compute.capital", "investors", usd,
              u.name + ": " + figure(hours) + " paid chip-hours x $" + figure(o.capex_usd_per_chip.value) +
                  " a chip x (CRF " + figure(crf) + " - residual " + figure(o.residual_share.value) + " x SFF " +
                  figure(sff) + ") / 8760");
  books.uses(u.chip + " purchase", o.capex_usd_per_chip);
  books.uses("life", o.life_years);
  books.uses("residual share", o.residual_share);
  books.uses("interest", o.interest);
  return usd;
}

double hosting_cost(const PoolUsage& u, const Owned& o, Books& books) {
  const double hours = u.paid_chip_seconds / 3600;
  const double usd = o.hosting_usd_per_kw_month.value * o.provisioned_kw_per_chip.value / kHoursPerMonth * hours;
  books.entry("hosting", "data centre", usd,
              u.name + ": " + figure(hours) + " paid chip-hours x " + figure(o.provisioned_kw_per_chip.value) +
                  " kW a chip x $" + figure(o.hosting_usd_per_kw_month.value) + " a kW-month / 730");
  books.uses("hosting", o.hosting_usd_per_kw_month);
  books.uses(u.chip + " provisioned power", o.provisioned_kw_per_chip);
  return usd;
}

double energy_cost(const PoolUsage& u, const Owned& o, const Site& site, Books& books) {
  const double kwh = it_energy_j(u) / kJoulesPerKwh, usd = kwh * site.pue.value * o.electricity_usd_per_kwh.value;
  books.entry("energy", "electricity supplier", usd,
              u.name + ": " + figure(kwh) + " kWh x PUE " + figure(site.pue.value) + " x $" +
                  figure(o.electricity_usd_per_kwh.value) + " a kWh");
  books.uses("electricity", o.electricity_usd_per_kwh);
  return usd;
}

}  // namespace

Books::Books(RunRecord& record) : record_(record) {
  record.ledger.clear();
  record.prices.clear();
}

void Books::entry(const std::string& account, const std::string& party, double usd, const std::string& basis) {
  record_.ledger.push_back({account, party, basis, usd});
}

void Books::uses(const std::string& item, const Price& p) {
  const auto same = [&](const PriceUsed& q) {
    return q.item == item && q.value == p.value && q.unit == p.unit && q.source == p.source && q.as_of == p.as_of;
  };
  if (std::any_of(record_.prices.begin(), record_.prices.end(), same)) return;
  record_.prices.push_back({item, p.unit, p.source, p.as_of, p.value});
}

std::string figure(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

double it_energy_j(const PoolUsage& u) { return u.idle_energy_j + u.dynamic_energy_j; }

double pool_cost(const PoolUsage& u, const Supply& s, Books& books) {
  if (s.rent) return rent_cost(u, *s.rent, books);
  const double capital = capital_cost(u, *s.owned, books), hosting = hosting_cost(u, *s.owned, books);
  return capital + hosting + energy_cost(u, *s.owned, s.site, books);
}

Carbon pool_carbon(const PoolUsage& u, const Site& site, Books& books) {
  books.uses("PUE", site.pue);
  books.uses("grid carbon", site.grid_gco2e_per_kwh);
  books.uses(u.chip + " embodied carbon", site.embodied_kgco2e_per_chip);
  books.uses("embodied carbon's life", site.embodied_life_years);
  return {operational_carbon_g(it_energy_j(u), site.pue.value, site.grid_gco2e_per_kwh.value),
          embodied_carbon_g(site.embodied_kgco2e_per_chip.value, u.paid_chip_seconds, site.embodied_life_years.value)};
}

}  // namespace tokenfab
