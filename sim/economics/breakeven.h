#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/economics/economics.h"
#include "sim/economics/pnl.h"
#include "sim/economics/volume_curve.h"

// At which price, utilisation and volume a factory breaks even: pure functions over a priced record and the capacity of
// the unit in which it grows. Definitions: docs/definitions.md.
namespace tokenfab {

/// Units in which a factory grows: the replicas of its one pool; one, the factory as it is, where it has several pools.
int growth_units(const RunRecord& record);

/// What one unit serves at most, and how that was found.
struct UnitCapacity {
  double requests_per_s = 0, tokens_per_s = 0;  // input and output tokens; 0 = not known
  double busy = 0;                              // busy share of the unit there; 0 = not known
  std::string how;
  double requests_per_s_high = 0;  // shown to be too much; 0 = not known
};
/// Of a run: the capacity that was found for it, or the throughput that it had where it was saturated; else not known.
UnitCapacity capacity_of_run(const RunRecord& record);

/// What one unit costs: by the hour whether busy or not, and with each token.
struct CostOfUnit {
  double usd_per_hour = 0, usd_per_mtok = 0;
  /// USD per million tokens at capacity.
  double full(const UnitCapacity& capacity) const;
};
/// A fold over recorded usage: what the dynamic energy adds is per token, everything else per hour.
CostOfUnit unit_cost(const RunRecord& usage, const std::vector<Supply>& supplies);

/// What a factory costs and earns in a month, by the tokens that it serves, at the mix of a run: costs from its
/// supplies (commitments are paid in any case, blocks whole), revenue from its plan with all fees, included tokens,
/// steps and tiers, less what a provider does not get.
class FactoryMonth {
 public:
  /// `usage`: of which costs are a fold, any number of units. `mix`: what was served.
  FactoryMonth(const RunRecord& usage, const RunRecord& mix, std::vector<Supply> supplies,
               std::optional<PricePlan> plan, std::optional<Provider> provider);

  /// USD of `units` (fractions: the mean over the month) that serve `tokens`, fees included, without fixed costs.
  double compute_usd(double tokens, double units) const;
  double fixed_usd() const { return fixed_usd_; }         // staff, other cost of revenue: whatever the volume
  double committed_usd() const { return held_usd(0); }    // of compute: paid with no unit at all
  double list_usd(double tokens, double units) const;     // what the plan charges; NaN without one
  double net_usd(double tokens, double units) const;      // of that, what is paid and kept
  std::vector<double> revenue_joints(double most) const;  // volumes at which the plan bends or jumps
  bool has_plan() const { return plan_.has_value(); }
  bool known_at_any_volume() const;  // busy time, where a plan charges it, is known at the mix's own volume only

 private:
  double held_usd(double units) const;
  Metered month_of(double tokens, double units) const;

  RunRecord idle_;  // usage of one unit over a month, without what tokens add
  std::vector<Supply> supplies_;
  std::optional<PricePlan> plan_;
  Metered mix_;  // a month, of mix_tokens_
  double mix_tokens_ = 0, usd_per_token_ = 0, fixed_usd_ = 0, fee_ = 1, kept_ = 1;
  mutable std::map<double, double> held_;
};

struct BreakEven {
  double price_factor = 0;              // of the plan's prices, at the run's volume
  double full_usd_per_mtok = 0;         // cost at capacity, fees included
  double price_factor_at_capacity = 0;  // of the plan's prices, with every unit full
  double utilisation = 0;               // of one unit's capacity, at which it pays for itself; NaN: at none
  std::vector<CurveCrossing> volumes;   // tokens a day; above: profit begins
  bool profit_from_start = false;       // at the smallest volume
  bool known = true;                    // false: what the plan charges at other volumes is not known
  double list_usd_per_mtok = 0, net_usd_per_mtok = 0;  // charged; paid and kept, at the run's volume
  double fixed_usd_per_month = 0, committed_usd_per_month = 0;
  VolumeCurve revenue, cost;  // a day
};
/// Where the capacity is not known, only what concerns the run's volume exists. `release_idle`: capacity is paid only
/// while it is used, so that cost has no steps.
BreakEven break_even(const RunRecord& run, const FactoryMonth& month, const UnitCapacity& capacity, int max_units,
                     bool release_idle);

/// The factor on the plan's prices with which the run's load, over a month, leaves neither profit nor loss after all
/// costs of its provider; NaN where no price does.
double break_even_factor(const RunRecord& run, const FactoryMonth& month);

/// The least share of `tokens_per_month` from which on `units` units earn what they cost; NaN: not even when full.
double break_even_load(const FactoryMonth& month, double units, double tokens_per_month);

/// A month's compute on a basis ("rent", "own"), by tokens a month, in whole units up to max_units.
VolumeCurve monthly_curve(const std::string& name, const FactoryMonth& month, const UnitCapacity& capacity,
                          int max_units, bool release_idle);

/// Buying one unit instead of renting it, kept for its life and busy as in `usage`; after tax where the owner pays any:
/// rent and running costs are deducted, the purchase by its depreciation, the sale's gain over book value is taxed.
struct Purchase {
  double capex_usd = 0, residual_usd = 0, rent_usd_per_year = 0, running_usd_per_year = 0, interest = 0;
  double tax_rate = 0;                             // on profit
  std::vector<double> flows;                       // year 0 first; the last holds the residual
  double npv_usd = 0, irr = 0, payback_years = 0;  // irr NaN: none; payback infinite: not within the life
};
/// `own` has one supply per pool, owned; the life is rounded to whole years.
Purchase purchase(const RunRecord& usage, const std::vector<Supply>& rent, const std::vector<Supply>& own);

}  // namespace tokenfab
