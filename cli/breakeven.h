#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "scenarios/scenario.h"
#include "sim/economics/breakeven.h"
#include "sim/economics/customer.h"

// What the parts of `tokenfab breakeven` hand to each other.
namespace tokenfab::cli {

/// A priced run with what is needed to price it again.
struct BreakEvenInput {
  RunRecord record;
  std::vector<Supply> supplies;
  std::optional<PricePlan> plan;
  std::optional<Provider> provider;
  bool simulated = false;
  UnitCapacity capacity;  // tokens_per_s 0: not known, `how` says why
  RunRecord at_capacity;  // usage of which a unit's cost is a fold: the run at capacity, or the stored run
  int runs = 0;           // that the search took
  double attained = 0;    // of the requests, within the SLO at capacity
};

/// Rent or ownership of the same factory; no cost: `why_not`.
struct Basis {
  std::string name, why_not;
  std::vector<Supply> supplies;
  std::optional<CostOfUnit> cost;
};

struct BreakEvenAnswer {
  BreakEvenInput input;
  int max_units = 0;
  bool release_idle = false;
  CostOfUnit cost;
  BreakEven result;
  std::vector<Basis> bases;      // rent, own
  double api_usd_per_mtok = 0;   // at the run's volume; NaN: no price
  std::optional<PricePlan> api;  // that the API is billed by
  std::optional<Purchase> purchase;
};

struct BreakEvenInputs {
  std::vector<BreakEvenInput> all;
  std::vector<Scenario::Refused> infeasible;  // alternatives that a scenario wants listed
};
/// Every alternative of a scenario, simulated with its capacity; or every complete run of a results file (of several
/// replications the first).
BreakEvenInputs simulated_inputs(const ScenarioArgs& args);
BreakEvenInputs stored_inputs(const std::string& database, const std::vector<std::string>& set);

BreakEvenAnswer answer(BreakEvenInput input, int max_units, bool release_idle);

/// The curves of a month that exist: rent, own, API.
std::vector<VolumeCurve> monthly_curves(const BreakEvenAnswer& a);

/// Where one of those curves crosses another, up to max_units.
struct CurvePair {
  std::string first, second;
  CurveCrossing at;
};
std::vector<CurvePair> basis_crossings(const BreakEvenAnswer& a);
/// USD per million tokens with `units` of them full and the fixed costs spread over what they serve.
double loaded_usd_per_mtok(const BreakEvenAnswer& a, int units);
/// Volumes to show, tokens a month: shares and multiples of a unit's capacity.
std::vector<double> volume_grid(const BreakEvenAnswer& a);

nlohmann::json answer_json(const BreakEvenAnswer& a);
std::string answer_text(const BreakEvenAnswer& a);

/// The same for a file with a "customer".
void customer_break_even(const BreakEvenArgs& args);

}  // namespace tokenfab::cli
