#pragma once
#include <span>
#include <vector>

// Demand for tokens over time: closed forms beside those of sim/economics/demand.h, defined in docs/definitions.md,
// section "Markets".
namespace tokenfab::market {

/// Q(P) = quantity (P / price)^elasticity; elasticity < 0, price > 0.
struct DemandCurve {
  double quantity = 0, price = 1, elasticity = -1;
};

double quantity_at(const DemandCurve& demand, double price);

/// Area between the curve and `price`, up to `choke` (infinity allowed). Infinite where elasticity >= -1 and choke is.
double consumer_surplus(const DemandCurve& demand, double price, double choke);

/// What a fall in price and in energy per token (both as ratios, after / before) does in all.
struct Rebound {
  double quantity_ratio = 1, spend_ratio = 1, energy_ratio = 1;
};
Rebound rebound(double elasticity, double price_ratio, double energy_per_token_ratio);
/// The elasticity at which total energy stays the same; NaN where the price does.
double energy_neutral_elasticity(double price_ratio, double energy_per_token_ratio);

/// Multinomial logit: exp(u_i) / sum exp(u_j). -infinity: not on offer. All zero where nothing is.
std::vector<double> logit_shares(std::span<const double> utilities);

/// The course of demand over a week that begins on Monday 0:00 UTC; its mean is 1.
struct Profile {
  double amplitude = 0;            // of the daily cosine, 0 to 1
  double peak_hour = 14;           // local time
  double weekend = 1;              // level of Saturday and Sunday over that of a weekday
  double utc_offset_h = 0;         // local time - UTC
  std::vector<double> hours = {};  // 24 factors by local hour instead of the cosine; empty: the cosine
};
double profile_at(const Profile& profile, double utc_hour);

}  // namespace tokenfab::market
