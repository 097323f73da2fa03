#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/breakeven.h"
#include "cli/pnl.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

double tokens_per_request(const BreakEvenAnswer& a) {
  const RunRecord& r = a.input.record;
  return static_cast<double>(r.input_served + r.output_served) / static_cast<double>(r.served);
}

json capacity_json(const BreakEvenAnswer& a) {
  const UnitCapacity& c = a.input.capacity;
  const bool known = c.tokens_per_s > 0;
  json out = {{"requests_per_s", known ? json(c.requests_per_s) : json(nullptr)},
              {"requests_per_s_high", known && c.requests_per_s_high > 0 ? json(c.requests_per_s_high) : json(nullptr)},
              {"tokens_per_s", known ? json(c.tokens_per_s) : json(nullptr)},
              {"busy", known ? json(c.busy) : json(nullptr)},
              {"how", c.how}};
  if (a.input.runs > 0) {
    out["runs"] = a.input.runs;
    out["attained"] = a.input.attained;
  }
  return out;
}

/// The plan's prices as they stand and times the break-even factors.
json price_json(const BreakEvenAnswer& a) {
  const CostSummary& c = a.input.record.cost;
  const BreakEven& b = a.result;
  json out = {{"factor", number(b.price_factor)},
              {"factor_at_capacity", number(b.price_factor_at_capacity)},
              {"unit_cost", {{"input", number(c.usd_per_mtok_in)}, {"output", number(c.usd_per_mtok_out)}}},
              {"full_usd_per_mtok", number(b.full_usd_per_mtok)},
              {"list_usd_per_mtok", number(a.result.list_usd_per_mtok)},
              {"net_usd_per_mtok", number(a.result.net_usd_per_mtok)},
              {"items", json::array()}};
  for (const PriceUsed& p : a.input.record.prices)
    if (p.item.starts_with("list price, "))
      out["items"].push_back({{"item", p.item.substr(12)},
                              {"list", p.value},
                              {"break_even", number(p.value * b.price_factor)},
                              {"break_even_at_capacity", number(p.value * b.price_factor_at_capacity)}});
  return out;
}

json volume_json(const BreakEvenAnswer& a) {
  json out = {{"max_units", a.max_units},
              {"release_idle", a.release_idle},
              {"fixed_usd_per_month", a.result.fixed_usd_per_month},
              {"committed_usd_per_month", a.result.committed_usd_per_month},
              {"loaded_usd_per_mtok",
               {{"one_unit", loaded_usd_per_mtok(a, 1)}, {"max_units", loaded_usd_per_mtok(a, a.max_units)}}},
              {"profit_from_start", a.result.profit_from_start},
              {"crossings", json::array()}};
  for (const CurveCrossing& c : a.result.volumes)
    out["crossings"].push_back({{"tokens_per_day", c.tokens},
                                {"requests_per_day", c.tokens / tokens_per_request(a)},
                                {"usd_per_day", a.result.revenue.at(c.tokens)},
                                {"profit_above", c.above}});
  const bool profit = a.result.volumes.empty() ? a.result.profit_from_start : a.result.volumes.back().above;
  out["profitable_above_tokens_per_day"] =
      profit ? json(a.result.volumes.empty() ? 0 : a.result.volumes.back().tokens) : json(nullptr);
  return out;
}

json bases_json(const BreakEvenAnswer& a) {
  json out = {{"usd_per_unit_hour", json::object()}, {"crossings", json::array()}, {"months", json::array()}};
  for (const Basis& b : a.bases)
    out["usd_per_unit_hour"][b.name] =
        b.cost ? json{{"held", b.cost->usd_per_hour}, {"usd_per_mtok", b.cost->usd_per_mtok}}
               : json{{"not_known", b.why_not}};
  out["api_usd_per_mtok"] = number(a.api_usd_per_mtok);
  for (const CurvePair& pair : basis_crossings(a))
    out["crossings"].push_back({{"first", pair.first},
                                {"second", pair.second},
                                {"tokens_per_month", pair.at.tokens},
                                {"first_is_dearer_above", pair.at.above}});
  for (const double tokens : volume_grid(a)) {
    json row = {{"tokens", tokens}};
    for (const VolumeCurve& curve : monthly_curves(a)) row["usd"][curve.name] = curve.at(tokens);
    out["months"].push_back(row);
  }
  return out;
}

json purchase_json(const Purchase& p) {
  return {{"capex_usd", p.capex_usd},
          {"residual_usd", p.residual_usd},
          {"rent_usd_per_year", p.rent_usd_per_year},
          {"running_usd_per_year", p.running_usd_per_year},
          {"interest", p.interest},
          {"tax_rate", p.tax_rate},
          {"flows_usd", p.flows},
          {"npv_usd", p.npv_usd},
          {"irr", number(p.irr)},
          {"payback_years", number(p.payback_years)}};
}

}  // namespace

json answer_json(const BreakEvenAnswer& a) {
  const RunRecord& r = a.input.record;
  json out = {{"name", r.alternative},
              {"basis", a.input.simulated ? "simulation" : "stored run"},
              {"saturated", r.saturated},
              {"unit", r.pools.size() == 1 ? "replica" : "factory"},
              {"units", growth_units(r)},
              {"capacity", capacity_json(a)},
              {"unit_cost", {{"usd_per_hour", a.cost.usd_per_hour}, {"usd_per_mtok", a.cost.usd_per_mtok}}},
              {"price", price_json(a)},
              {"utilisation", number(a.result.utilisation)}};
  if (r.pnl) out["pnl"] = pnl_json(*r.pnl);
  if (a.input.capacity.tokens_per_s > 0) {
    out["volume"] = r.cost.has_plan ? volume_json(a) : json(nullptr);
    out["bases"] = bases_json(a);
  }
  out["purchase"] = a.purchase ? purchase_json(*a.purchase) : json(nullptr);
  return out;
}

}  // namespace tokenfab::cli
