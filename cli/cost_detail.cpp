#include "cli/cost_detail.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/shown.h"
#include "sim/economics/carbon.h"

namespace tokenfab::cli {
using nlohmann::json;

namespace {

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

double over(double part, double whole) { return whole > 0 ? part / whole : kUnknown; }

double served_mtok(const RunRecord& r) { return static_cast<double>(r.input_served + r.output_served) / 1e6; }

json unit_costs_json(const CostDetail& d) {
  json out = json::array();
  for (const UnitCost& c : d.unit_costs)
    out.push_back({{"method", c.method},
                   {"usd_per_mtok_input", number(c.usd_per_mtok_input)},
                   {"usd_per_mtok_cached_input", number(c.usd_per_mtok_cached)},
                   {"usd_per_mtok_output", number(c.usd_per_mtok_output)},
                   {"basis", c.basis}});
  return out;
}

/// g of operational (location- and market-based) and embodied carbon, each over `count`.
json carbon_per(const RunRecord& r, double count) {
  return {{"operational_g", number(over(r.cost.carbon_operational_g, count))},
          {"market_g", number(over(r.cost.detail.carbon_market_g, count))},
          {"embodied_g", number(over(r.cost.carbon_embodied_g, count))}};
}

std::string price(double usd) { return std::isfinite(usd) ? shown("{:.4g}", usd) : "-"; }

std::string unit_cost_text(const UnitCost& c) {
  return shown("{} / {} / {}", price(c.usd_per_mtok_input), price(c.usd_per_mtok_cached), price(c.usd_per_mtok_output));
}

std::string unit_costs_note(const RunRecord& r) {
  if (r.cost.detail.unit_costs.empty()) return "";
  const std::string first = unit_cost_text(r.cost.detail.unit_costs[0]);
  std::string each = r.cost.detail.unit_costs[0].method + " " + first;
  for (const UnitCost& c : r.cost.detail.unit_costs)
    if (const std::string text = unit_cost_text(c); text != first) each += "; " + c.method + " " + text;
  std::string out = shown("{}: USD per M uncached input / cached input / output tokens by {}", r.alternative, each);
  const CostDetail& d = r.cost.detail;
  if (!std::isnan(d.cached_saving_usd))
    out += shown("; without cache hits the same run costs ${:.4g} more, and its chips are busy {:.4g} s longer",
                 d.cached_saving_usd, d.cached_saving_busy_s);
  return out + "\n";
}

std::string mass(double g) { return g < 1000 ? shown("{:.3g} g", g) : shown("{:.4g} kg", g / 1000); }

std::string carbon_note(const RunRecord& r) {
  const CostSummary& c = r.cost;
  const double market = c.detail.carbon_market_g;
  std::string out =
      shown("{}: CO2e: {} operational by the grid ({}), {} embodied", r.alternative, mass(c.carbon_operational_g),
            std::isnan(market) ? "by contract: not known for this site" : mass(market) + " by contract",
            mass(c.carbon_embodied_g));
  if (r.served > 0)
    out += shown("; by the grid with embodied {:.3g} g per M tokens, {:.3g} g a request",
                 (c.carbon_operational_g + c.carbon_embodied_g) / served_mtok(r),
                 (c.carbon_operational_g + c.carbon_embodied_g) / static_cast<double>(r.served));
  return out + "\n";
}

std::string unit_note(const RunRecord& r) {
  const CostDetail& d = r.cost.detail;
  if (std::isnan(d.equivalent_mtok_flop)) return "";
  return shown("{}: USD per M 7B-equivalent tokens: {:.4g} by FLOP, {:.4g} by weight bytes read\n", r.alternative,
               r.cost.usd_total / d.equivalent_mtok_flop, r.cost.usd_total / d.equivalent_mtok_bytes);
}

std::string task_note(const RunRecord& r) {
  const CostDetail& d = r.cost.detail;
  if (std::isnan(d.success_rate)) return "";
  return shown("{}: ${:.4g} per solved task, at {:.4g} % solved at first try and ${:.4g} a failure (declared)\n",
               r.alternative, d.usd_per_task, 100 * d.success_rate, d.usd_per_failure);
}

std::string unused_note(const RunRecord& r) {
  if (r.cost.detail.usd_unused <= 0) return "";
  return shown("{}: ${:.4g} of the cost is for committed chip-hours that were not held\n", r.alternative,
               r.cost.detail.usd_unused);
}

}  // namespace

void add_cost_detail(const RunRecord& r, json& out) {
  const CostDetail& d = r.cost.detail;
  json& cost = out["cost"];
  cost["unit_costs"] = unit_costs_json(d);
  cost["usd_unused"] = number(d.usd_unused);
  cost["common_unit"] = {{"unit", "token of a dense model of 7e9 parameters in 16 bits"},
                         {"mtok_flop", number(d.equivalent_mtok_flop)},
                         {"mtok_bytes", number(d.equivalent_mtok_bytes)},
                         {"usd_per_mtok_flop", number(over(r.cost.usd_total, d.equivalent_mtok_flop))},
                         {"usd_per_mtok_bytes", number(over(r.cost.usd_total, d.equivalent_mtok_bytes))}};
  if (!std::isnan(d.success_rate))
    cost["task"] = {{"success_rate", d.success_rate},
                    {"usd_per_failure", d.usd_per_failure},
                    {"usd_per_solved_task", number(d.usd_per_task)}};
  const double tokens = static_cast<double>(r.input_served + r.output_served);
  const double joules = over(r.cost.energy_j, tokens);
  out["energy"] = {{"j_per_token", number(joules)}, {"kwh_per_mtok", number(kwh_per_mtok(joules))}};
  out["carbon"]["market_g"] = number(d.carbon_market_g);
  out["carbon"]["per_mtok"] = carbon_per(r, tokens / 1e6);
  out["carbon"]["per_request"] = carbon_per(r, static_cast<double>(r.served));
}

std::string cost_detail_note(const RunRecord& r) {
  return unused_note(r) + unit_costs_note(r) + carbon_note(r) + unit_note(r) + task_note(r);
}

}  // namespace tokenfab::cli
