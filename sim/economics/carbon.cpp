#include "sim/economics/carbon.h"

#include "sim/economics/formulas.h"

namespace tokenfab {

double joules_per_token(double watts, double tokens_per_s) {
  return tokens_per_s > 0 ? watts / tokens_per_s : kUnknown;
}

double kwh_per_mtok(double joules) { return joules / kJoulesPerKwh * 1e6; }

double embodied_kg(const std::vector<EmbodiedPart>& parts) {
  double kg = 0;
  for (const EmbodiedPart& p : parts) kg += p.units * p.kg_per_unit * p.count;
  return kg;
}

Carbon pool_carbon(const PoolUsage& u, const Site& site, Books& books) {
  books.uses("PUE", site.pue);
  books.uses("grid carbon", site.grid_gco2e_per_kwh);
  books.uses(u.chip + " embodied carbon", site.embodied_kgco2e_per_chip);
  books.uses("embodied carbon's life", site.embodied_life_years);
  const auto operational = [&](const Price& factor) {
    return operational_carbon_g(it_energy_j(u), site.pue.value, factor.value);
  };
  Carbon out;
  out.operational_g = operational(site.grid_gco2e_per_kwh);
  out.embodied_g =
      embodied_carbon_g(site.embodied_kgco2e_per_chip.value, u.paid_chip_seconds, site.embodied_life_years.value);
  if (site.market_gco2e_per_kwh.source.empty()) return out;
  books.uses("market carbon", site.market_gco2e_per_kwh);
  out.market_g = operational(site.market_gco2e_per_kwh);
  return out;
}

}  // namespace tokenfab
