#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/breakeven.h"
#include "cli/pnl.h"
#include "cli/shown.h"

namespace tokenfab::cli {
namespace {

std::string per_million(double usd) { return std::isfinite(usd) ? shown("${:.4g}", usd) : "-"; }

std::string unit(const BreakEvenAnswer& a) { return a.input.record.pools.size() == 1 ? "replica" : "factory"; }

std::string units(const BreakEvenAnswer& a) { return unit(a) == "replica" ? "replicas" : "factories"; }

/// What fixed costs add at the smallest and the largest factory looked at.
std::string loaded_text(const BreakEvenAnswer& a) {
  if (a.result.fixed_usd_per_month <= 0) return "";
  return shown("  with fixed costs spread, {} per M tokens with one {} full, {} with {}\n",
               per_million(loaded_usd_per_mtok(a, 1)), unit(a), per_million(loaded_usd_per_mtok(a, a.max_units)),
               a.max_units);
}

std::string capacity_text(const BreakEvenAnswer& a) {
  const UnitCapacity& c = a.input.capacity;
  if (c.tokens_per_s <= 0) return shown("Capacity of one {}: {}\n", unit(a), c.how);
  const std::string interval =
      c.requests_per_s_high > 0 ? shown(" (kept; {:.4g} is too much)", c.requests_per_s_high) : "";
  return shown("Capacity of one {}: {:.4g} requests/s{}, {} tokens/s (input and output)\n  {}\n", unit(a),
               c.requests_per_s, interval, metric(c.tokens_per_s), c.how);
}

std::string prices_at(const BreakEvenAnswer& a, double factor) {
  std::string out;
  for (const PriceUsed& p : a.input.record.prices)
    if (p.item.starts_with("list price, "))
      out += shown("{}{} {}", out.empty() ? "" : ", ", p.item.substr(12), per_million(p.value * factor));
  return out;
}

std::string price_text(const BreakEvenAnswer& a) {
  const CostSummary& c = a.input.record.cost;
  const BreakEven& b = a.result;
  std::string out = shown("Price, USD per M tokens: cost of input {}, of output {} at the run's volume\n",
                          per_million(c.usd_per_mtok_in), per_million(c.usd_per_mtok_out));
  if (!c.has_plan) return out + "  no plan, so no price to multiply: give \"plan\"\n";
  const auto line = [&](const char* when, double factor) {
    if (std::isfinite(factor)) out += shown("  {}: {:.4g} x the plan: {}\n", when, factor, prices_at(a, factor));
  };
  line("breaks even at the run's volume", b.price_factor);
  line(a.input.record.pools.size() == 1 ? "with every replica full" : "with the factory full",
       b.price_factor_at_capacity);
  return out;
}

std::string utilisation_text(const BreakEvenAnswer& a) {
  const BreakEven& b = a.result;
  const std::string costs =
      shown("${:.4g} an hour, {} per M tokens when full", a.cost.usd_per_hour, per_million(b.full_usd_per_mtok));
  const std::string earns = per_million(a.result.net_usd_per_mtok) + " earned";
  if (a.release_idle) return shown("Utilisation: capacity is paid only while used ({}; {})\n", costs, earns);
  if (!b.known)
    return shown(
        "Utilisation and volume: not known: the plan charges busy time, simulated at the run's volume only ({})\n",
        costs);
  if (b.utilisation == 0)
    return shown("Utilisation: a {} pays for itself at any load ({}; {})\n", unit(a), costs, earns);
  if (b.utilisation <= 1)
    return shown("Utilisation: a {} pays for itself at {:.2f} % of its capacity ({}; {})\n", unit(a),
                 100 * b.utilisation, costs, earns);
  return shown("Utilisation: a {} does not pay for itself even when full ({}; {})\n", unit(a), costs, earns);
}

std::string verdict(const BreakEvenAnswer& a) {
  const BreakEven& b = a.result;
  const std::string bound = shown("{} {}", a.max_units, a.max_units == 1 ? unit(a) : units(a));
  if (b.volumes.empty())
    return b.profit_from_start ? "  profitable at every volume\n"
                               : shown("  unprofitable at every volume up to {}\n", bound);
  if (!b.volumes.back().above) return shown("  unprofitable again above the last, up to {}\n", bound);
  return shown("  profitable at every volume above the last, up to {}\n", bound);
}

std::string volume_text(const BreakEvenAnswer& a) {
  if (!a.result.known) return "";
  const RunRecord& r = a.input.record;
  const double each = static_cast<double>(r.input_served + r.output_served) / static_cast<double>(r.served);
  std::string out = shown("Volume a day, {}{}\n", a.release_idle ? "idle capacity released" : "capacity paid whole",
                          a.result.fixed_usd_per_month > 0
                              ? shown(", with ${:.6g} a month of fixed cost", a.result.fixed_usd_per_month)
                              : "");
  std::vector<std::vector<std::string>> table = {{"  ", "tokens", "requests", "revenue, USD"}};
  for (const CurveCrossing& c : a.result.volumes)
    table.push_back({c.above ? "  profit from" : "  loss above", metric(c.tokens), shown("{:.0f}", c.tokens / each),
                     shown("{:.2f}", a.result.revenue.at(c.tokens))});
  return out + (a.result.volumes.empty() ? "" : text_table(table)) + verdict(a) + loaded_text(a);
}

std::string cheapest(const std::vector<VolumeCurve>& curves, double tokens) {
  const VolumeCurve* best = &curves.front();
  for (const VolumeCurve& c : curves)
    if (c.at(tokens) < best->at(tokens)) best = &c;
  return best->name;
}

std::string bases_text(const BreakEvenAnswer& a) {
  const std::vector<VolumeCurve> curves = monthly_curves(a);
  std::string out = "Own, rent or buy from an API: USD a month for the same tokens\n";
  for (const Basis& b : a.bases)
    if (!b.cost) out += shown("  {}: not known: {}\n", b.name, b.why_not);
  if (curves.empty()) return out;
  std::vector<std::vector<std::string>> table = {{"  tokens a month"}};
  for (const VolumeCurve& c : curves) table[0].push_back(c.name);
  table[0].push_back("least");
  for (const double tokens : volume_grid(a)) {
    table.push_back({"  " + metric(tokens)});
    for (const VolumeCurve& c : curves) table.back().push_back(shown("{:.0f}", c.at(tokens)));
    table.back().push_back(cheapest(curves, tokens));
  }
  out += text_table(table);
  for (const CurvePair& pair : basis_crossings(a))
    out += shown("  from {} tokens a month {} costs {} than {}\n", metric(pair.at.tokens), pair.first,
                 pair.at.above ? "no less" : "less", pair.second);
  return out;
}

std::string purchase_text(const BreakEvenAnswer& a) {
  const Purchase& p = *a.purchase;
  std::string out = shown(
      "Buying a {} instead of renting it: ${:.6g} now, saves ${:.6g} a year ({:.6g} rent - {:.6g} power and hosting)\n",
      unit(a), p.capex_usd, p.rent_usd_per_year - p.running_usd_per_year, p.rent_usd_per_year, p.running_usd_per_year);
  const std::string irr = std::isfinite(p.irr) ? shown("{:.1f} %", 100 * p.irr) : "none";
  const std::string payback =
      std::isfinite(p.payback_years) ? shown("{:.2f} years", p.payback_years) : "not within its life";
  return out + shown("  over {} years: NPV at {:.3g} % ${:.6g}, IRR {}, payback {}: {}\n", p.flows.size() - 1,
                     100 * p.interest, p.npv_usd, irr, payback, p.npv_usd > 0 ? "buy" : "rent");
}

}  // namespace

std::string answer_text(const BreakEvenAnswer& a) {
  const RunRecord& r = a.input.record;
  std::string out = shown("{}, {} ({})\n", r.study, r.alternative, a.input.simulated ? "simulated" : "stored run");
  if (r.saturated) out += "SATURATED at the run's volume: prices at that volume are of a run that never settles\n";
  out += capacity_text(a) + price_text(a);
  if (a.input.capacity.tokens_per_s > 0) {
    if (r.cost.has_plan) out += utilisation_text(a) + volume_text(a);
    out += bases_text(a);
  }
  if (a.purchase) out += purchase_text(a);
  if (r.pnl) out += pnl_text(*r.pnl);
  if (!a.release_idle)
    out += shown(
        "A {} is paid whole, busy or not. A bill times utilisation holds only where idle capacity is given back: "
        "--release-idle\n",
        unit(a));
  return out;
}

}  // namespace tokenfab::cli
