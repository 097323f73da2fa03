#pragma once
#include <vector>

#include "sim/economics/books.h"

namespace tokenfab {

/// W / (tokens/s).
double joules_per_token(double watts, double tokens_per_s);
/// J per token / 3.6 = kWh per million tokens.
double kwh_per_mtok(double joules_per_token);

/// What a machine is made of: `units` (cm2 of silicon, GB of memory) at `kg_per_unit`, `count` times.
struct EmbodiedPart {
  double units = 0, kg_per_unit = 0, count = 1;
};
/// kgCO2e of making all parts.
double embodied_kg(const std::vector<EmbodiedPart>& parts);

struct Carbon {
  double operational_g = 0;    // location-based: the grid's yearly mean
  double market_g = kUnknown;  // market-based: the energy contract's factor
  double embodied_g = 0;
};
/// Operational emissions at the meter (PUE included); embodied ones by the paid share of the hardware's life.
Carbon pool_carbon(const PoolUsage& usage, const Site& site, Books& books);

}  // namespace tokenfab
