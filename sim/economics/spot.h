#pragma once
#include <cstdint>

#include "sim/economics/economics.h"

// What chips from a spot market cost: the price's path and the work that interruptions undo.
namespace tokenfab {

/// The mean over `hours` of a spot price with mean `usd`: hourly prices usd exp(x - s^2/2), x an Ornstein-Uhlenbeck
/// process of long-run deviation s that starts in the long run. Its own random stream: other draws do not move it.
/// At volatility 0 or over no time: `usd` itself.
double mean_spot_price(double usd, const SpotTerms& terms, double hours, std::uint64_t seed, std::uint32_t replication,
                       std::uint32_t pool);

/// Paid over working time: 1 / (1 - hazard (restart + lost work beyond the notice)). UserError where a chip is
/// interrupted before it gets to work: hazard x time >= 1. A price times this is the effective price of work done.
double interruption_factor(const SpotTerms& terms);

}  // namespace tokenfab
