#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/economics/cost_curve.h"
#include "sim/economics/economics.h"
#include "sim/economics/pnl.h"

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
};
/// From a run alone: its own throughput where it was saturated, else that divided by its busy share. No SLO is looked
/// at.
UnitCapacity capacity_of_run(const RunRecord& record);

/// What one unit costs: by the hour whether busy or not, and with each token.
struct CostOfUnit {
  double usd_per_hour = 0, usd_per_mtok = 0;
  /// USD per million tokens at capacity.
  double full(const UnitCapacity& capacity) const;
};
/// A fold over recorded usage: what the dynamic energy adds is per token, everything else per hour.
CostOfUnit unit_cost(const RunRecord& usage, const std::vector<Supply>& supplies);

/// What reaches the provider of a million tokens at the run's mix; its fixed costs and fees.
struct UnitRevenue {
  double list_usd_per_mtok = 0, net_usd_per_mtok = 0;  // charged; paid and kept
  double fixed_usd_per_month = 0, platform_fee_share = 0;
};
/// NaN prices where the record has no plan or no tokens.
UnitRevenue unit_revenue(const RunRecord& record, const std::optional<Provider>& provider);

struct BreakEven {
  double price_factor = 0;              // of the plan's prices, at the run's volume
  double full_usd_per_mtok = 0;         // cost at capacity, fees included
  double price_factor_at_capacity = 0;  // of the plan's prices, with every unit full
  double utilisation = 0;               // of capacity, at which a unit pays for itself; NaN: at none
  std::vector<CurveCrossing> volumes;   // tokens a day; above: profit begins
  bool profit_from_start = false;       // at the smallest volume
  CostCurve revenue, cost;              // a day
};
/// Where the capacity is not known, only price_factor exists. `release_idle`: capacity is paid only while it is used,
/// so that cost is a line and not a staircase.
BreakEven break_even(const RunRecord& record, const UnitCapacity& capacity, const CostOfUnit& cost,
                     const UnitRevenue& revenue, int max_units, bool release_idle);

/// A month's bill on a basis ("rent", "own"), as a curve over tokens a month.
CostCurve monthly_curve(const std::string& name, const CostOfUnit& cost, const UnitCapacity& capacity, bool release_idle);

/// Buying one unit instead of renting it, kept for its life and busy as in `usage`.
struct Purchase {
  double capex_usd = 0, residual_usd = 0, rent_usd_per_year = 0, running_usd_per_year = 0, interest = 0;
  std::vector<double> flows;                       // year 0 first; the last holds the residual
  double npv_usd = 0, irr = 0, payback_years = 0;  // irr NaN: none; payback infinite: not within the life
};
/// `own` has one supply per pool, owned; the life is rounded to whole years.
Purchase purchase(const RunRecord& usage, const std::vector<Supply>& rent, const std::vector<Supply>& own);

}  // namespace tokenfab
