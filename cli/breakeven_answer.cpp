#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "cli/breakeven.h"
#include "cli/record_json.h"
#include "sim/economics/formulas.h"
#include "sim/economics/plans/read_plan.h"
#include "sim/economics/supply.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

constexpr const char* kRent = "rent";
constexpr const char* kOwn = "own";

/// A blend of rents is neither of the two that a purchase is held against.
bool stands(const Supply& supply, const std::string& basis) {
  return basis == kRent ? supply.rent.has_value() : supply.owned.has_value();
}

bool chosen(const json& scenario, const std::string& key) {
  return scenario.contains("breakeven") && scenario["breakeven"].contains(key);
}

/// "supply" of a pool on another basis, at the pool's own site: what "breakeven" of the scenario says, or the defaults.
json other_supply(const json& scenario, const json& pool, const std::string& basis) {
  json supply = {{basis, basis == kRent ? json("on-demand") : json::object()}};
  if (chosen(scenario, basis)) supply[basis] = scenario["breakeven"][basis];
  if (pool.contains("supply") && pool["supply"].contains("site")) supply["site"] = pool["supply"]["site"];
  return {{"supply", supply}};
}

Basis basis_of(const BreakEvenInput& in, const json& scenario, const std::string& name) {
  Basis out{name, "", {}, std::nullopt};
  const MoneyCatalog money = MoneyCatalog::standard();
  std::vector<Assumption> assumed;
  try {
    for (std::size_t i = 0; i < in.supplies.size(); ++i) {
      if (stands(in.supplies[i], name) && !chosen(scenario, name)) {
        out.supplies.push_back(in.supplies[i]);
        continue;
      }
      const json text = other_supply(scenario, scenario["pools"][i], name);
      const JsonObject pool(text, "breakeven");
      out.supplies.push_back(read_supply(pool, in.record.pools[i].chip, money, assumed));
    }
    out.cost = unit_cost(in.at_capacity, out.supplies);
  } catch (const UserError& e) {
    out.why_not = e.what();
  }
  return out;
}

/// What an API's bill follows: "api" of "breakeven", or the scenario's own plan.
std::optional<PricePlan> api_plan(const BreakEvenInput& in, const json& scenario) {
  if (!chosen(scenario, "api")) return in.plan;
  const RunRecord& r = in.record;
  const JsonObject at(scenario["breakeven"], r.alternative, "/breakeven");
  std::vector<Assumption> assumed;
  const MoneyCatalog money = MoneyCatalog::standard();
  return read_price_plan(at.object("api"), {r.pools[0].llm, money, assumed});
}

double usd_per_mtok(const std::optional<PricePlan>& plan, const RunRecord& r) {
  const Metered used = metered(r);
  const auto tokens = static_cast<double>(used.total().all());
  return plan && tokens > 0 ? bill_of(*plan, used).usd / tokens * 1e6 : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

BreakEvenAnswer answer(BreakEvenInput input, int max_units, bool release_idle) {
  BreakEvenAnswer a;
  a.input = std::move(input);
  const BreakEvenInput& in = a.input;
  const json scenario = scenario_of(in.record);
  a.max_units = max_units;
  a.release_idle = release_idle;
  if (in.record.makespan_s <= 0)
    throw UserError(in.record.alternative + ": the run has no length, so no cost per hour");
  for (const Supply& supply : in.supplies)
    if (release_idle && supply.owned)
      throw UserError("--release-idle: " + in.record.alternative +
                      " owns its chips; only rented ones can be given back");
  a.cost = unit_cost(in.at_capacity, in.supplies);
  const FactoryMonth month(in.at_capacity, in.record, in.supplies, in.plan, in.provider);
  a.result = break_even(in.record, month, in.capacity, max_units, release_idle);
  for (const char* name : {kRent, kOwn}) a.bases.push_back(basis_of(in, scenario, name));
  a.api = api_plan(in, scenario);
  a.api_usd_per_mtok = usd_per_mtok(a.api, in.record);
  if (a.bases[0].cost && a.bases[1].cost)
    a.purchase = purchase(in.at_capacity, a.bases[0].supplies, a.bases[1].supplies);
  return a;
}

std::vector<VolumeCurve> monthly_curves(const BreakEvenAnswer& a) {
  std::vector<VolumeCurve> out;
  const BreakEvenInput& in = a.input;
  for (const Basis& b : a.bases)
    // What is owned cannot be given back.
    if (b.cost)
      out.push_back(monthly_curve(b.name,
                                  FactoryMonth(in.at_capacity, in.record, b.supplies, std::nullopt, std::nullopt),
                                  in.capacity, a.max_units, a.release_idle && b.name == kRent));
  if (!a.api || std::isnan(a.api_usd_per_mtok)) return out;
  const FactoryMonth billed(in.at_capacity, in.record, in.supplies, a.api, std::nullopt);
  const double most = a.max_units * in.capacity.tokens_per_s * kHoursPerMonth * 3600;
  const double each = in.capacity.tokens_per_s * kHoursPerMonth * 3600;
  VolumeCurve api{"API", {}, billed.revenue_joints(most)};
  for (int n = 1; n < a.max_units; ++n) api.joints.push_back(n * each);  // where chips' time is paid, by the unit
  api.at = [billed, each](double tokens) { return billed.list_usd(tokens, std::ceil(tokens / each * (1 - 1e-12))); };
  out.push_back(std::move(api));
  return out;
}

std::vector<CurvePair> basis_crossings(const BreakEvenAnswer& a) {
  const std::vector<VolumeCurve> curves = monthly_curves(a);
  const double most = a.max_units * a.input.capacity.tokens_per_s * kHoursPerMonth * 3600;
  std::vector<CurvePair> out;
  for (std::size_t i = 0; i < curves.size(); ++i)
    for (std::size_t j = i + 1; j < curves.size(); ++j)
      for (const CurveCrossing& at : curve_crossings(curves[i], curves[j], most))
        out.push_back({curves[i].name, curves[j].name, at});
  return out;
}

double loaded_usd_per_mtok(const BreakEvenAnswer& a, int units) {
  const double mtok_per_month = units * a.input.capacity.tokens_per_s * kHoursPerMonth * 3600 / 1e6;
  return amortised_unit_cost(a.result.full_usd_per_mtok, a.result.fixed_usd_per_month, mtok_per_month);
}

std::vector<double> volume_grid(const BreakEvenAnswer& a) {
  std::vector<double> out;
  for (const double share : {0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0})
    if (share <= a.max_units) out.push_back(share * a.input.capacity.tokens_per_s * kHoursPerMonth * 3600);
  return out;
}

}  // namespace tokenfab::cli
