// What owned chips cost: capital, hosting, energy, staff and software.
#include <algorithm>
#include <cmath>

#include "sim/economics/books.h"
#include "sim/economics/capital.h"
#include "sim/economics/formulas.h"
#include "sim/economics/own_terms.h"

namespace tokenfab {
namespace {

/// "(CRF … - residual … x SFF …)", with what tax and its depreciation make of it.
std::string charge_text(const Owned& o, const CapitalTerms& t, double charge) {
  const double crf = capital_recovery_factor(t.interest, t.life_years);
  const double sff = sinking_fund_factor(t.interest, t.life_years);
  const std::string plain =
      "(CRF " + figure(crf) + " - residual " + figure(t.residual_share) + " x SFF " + figure(sff) + ")";
  if (t.tax_rate == 0) return plain;
  return figure(charge) + " a year, where " + plain + " before tax: tax " + figure(t.tax_rate) + ", depreciation " +
         o.depreciation;
}

double capital_cost(const PoolUsage& u, const Owned& o, Books& books) {
  const CapitalTerms terms = capital_terms(o);
  const double charge = capital_charge(terms), hours = u.paid_chip_seconds / 3600;
  const double usd = o.capex_usd_per_chip.value * charge / kHoursPerYear * hours;
  books.entry("compute.capital", "investors", usd,
              u.name + ": " + figure(hours) + " paid chip-hours x $" + figure(o.capex_usd_per_chip.value) +
                  " a chip x " + charge_text(o, terms, charge) + " / 8760");
  books.uses(u.chip + " purchase", o.capex_usd_per_chip);
  books.uses("life", o.life_years);
  books.uses("residual share", o.residual_share);
  books.uses("interest", o.interest);
  if (terms.tax_rate > 0) books.uses("tax rate", o.tax_rate);
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

/// `price` in USD per chip-year; nothing is written where it is zero.
double yearly_cost(const PoolUsage& u, const char* account, const char* party, const Price& price, Books& books) {
  if (price.value == 0) return 0;
  const double hours = u.paid_chip_seconds / 3600, usd = price.value / kHoursPerYear * hours;
  books.entry(account, party, usd,
              u.name + ": " + figure(hours) + " paid chip-hours x $" + figure(price.value) + " a chip-year / 8760");
  books.uses(account, price);
  return usd;
}

}  // namespace

CapitalTerms capital_terms(const Owned& o) {
  CapitalTerms t{o.interest.value, o.life_years.value, o.residual_share.value, o.tax_rate.value, {}};
  if (t.tax_rate == 0) return t;
  const auto named = std::find(kDepreciationNames.begin(), kDepreciationNames.end(), o.depreciation);
  const auto method = static_cast<Depreciation>(named - kDepreciationNames.begin());
  const double years = o.depreciation_years > 0 ? o.depreciation_years : o.life_years.value;
  t.depreciation = depreciation_schedule(method, static_cast<int>(std::ceil(years)),
                                         method == Depreciation::macrs_5 ? 0 : t.residual_share);
  return t;
}

double owner_cost(const PoolUsage& u, const Owned& o, const Site& site, Books& books) {
  double usd = capital_cost(u, o, books);
  usd += hosting_cost(u, o, books);
  usd += energy_cost(u, o, site, books);
  usd += yearly_cost(u, "staff", "operators", o.staff_usd_per_chip_year, books);
  return usd + yearly_cost(u, "software", "software vendors", o.software_usd_per_chip_year, books);
}

}  // namespace tokenfab
