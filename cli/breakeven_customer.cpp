#include <cmath>
#include <functional>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"
#include "cli/breakeven.h"
#include "cli/shown.h"
#include "scenarios/resolve.h"
#include "scenarios/workload_plan.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;

constexpr double kMonthSeconds = 730 * 3600;

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

/// A factory of the customer's own, for interactions of its mix.
struct OwnFactory {
  std::string name, how;
  double full_usd = 0;                   // of an interaction, with every unit full
  double units = 0;                      // that the customer's volume takes
  double utilisation = 0;                // of their capacity at that volume
  double usd = 0;                        // of an interaction at that volume
  std::function<double(double)> usd_at;  // of an interaction with so many times the tokens
};

OwnFactory own_factory(const Customer& c, const std::string& file) {
  ScenarioArgs args;
  args.path = resolve_path(c.factory, file);
  const std::vector<BreakEvenInput> inputs = simulated_inputs(args).all;
  if (inputs.size() != 1) throw UserError(args.path + ": a customer's factory is a scenario of one alternative");
  const BreakEvenInput& in = inputs.front();
  if (in.capacity.tokens_per_s <= 0) throw Infeasible(args.path + ": " + in.capacity.how);
  const CostOfUnit cost = unit_cost(in.at_capacity, in.supplies);
  const CostSummary& split = in.at_capacity.cost;
  // Input and output cost what they do in the run at capacity, in proportion.
  const double per_token = cost.full(in.capacity) / split.usd_per_mtok / 1e6;
  const double in_usd = c.tokens.input > 0 ? c.tokens.input * split.usd_per_mtok_in : 0;
  const double out_usd = c.tokens.output > 0 ? c.tokens.output * split.usd_per_mtok_out : 0;
  OwnFactory f;
  f.name = in.record.alternative;
  f.how = in.capacity.how;
  f.full_usd = (in_usd + out_usd) * per_token * (1 + c.platform_fee_share);
  const double worth = (in_usd + out_usd) * per_token / cost.full(in.capacity) * 1e6;  // tokens of the factory's mix
  const double a_month = worth * c.interactions_per_month, holds = in.capacity.tokens_per_s * kMonthSeconds;
  f.units = std::ceil(a_month / holds);
  f.utilisation = a_month / holds / f.units;
  f.usd_at = [cost, a_month, holds, fee = 1 + c.platform_fee_share, n = c.interactions_per_month](double scale) {
    const double held = cost.usd_per_hour * 730 * std::ceil(a_month * scale / holds);
    return (held + cost.usd_per_mtok * a_month * scale / 1e6) * fee / n;
  };
  f.usd = f.usd_at(1);
  return f;
}

/// One way to buy an interaction's tokens.
struct CustomerBasis {
  std::string name;
  double usd = 0;                        // of an interaction
  std::function<double(double)> usd_at;  // with so many times the tokens
  std::vector<std::string> notes;        // of its bill
};

struct CustomerAnswer {
  Customer customer;
  std::vector<CustomerBasis> bases;  // plans, then the factory
  std::optional<OwnFactory> factory;
  std::optional<SwitchVerdict> verdict;
};

double cost_on(const CustomerAnswer& a, const std::string& name) {
  for (const CustomerBasis& basis : a.bases)
    if (basis.name == name) return basis.usd;
  throw InternalError("a basis that was read is there");
}

CustomerAnswer solve(const Customer& customer, const std::string& file) {
  CustomerAnswer a{customer, {}, std::nullopt, std::nullopt};
  for (const NamedPlan& plan : customer.plans) {
    // The answer is read while the customer's file is at hand.
    const auto usd_at = [&customer, &plan](double scale) { return interaction_usd(customer, plan.plan, scale); };
    a.bases.push_back({plan.name, usd_at(1), usd_at, monthly_bill(customer, plan.plan).notes});
  }
  if (!customer.factory.empty()) {
    a.factory = own_factory(customer, file);
    a.bases.push_back({"factory", a.factory->usd, a.factory->usd_at, {}});
  }
  if (customer.switching) {
    Switch s = *customer.switching;
    s.saving_usd_per_month =
        (cost_on(a, customer.switch_from) - cost_on(a, customer.switch_to)) * customer.interactions_per_month;
    a.verdict = judge_switch(s);
  }
  return a;
}

json basis_json(const Customer& c, const CustomerBasis& basis) {
  const UnitEconomics u = unit_economics(c, basis.usd);
  json out = {{"name", basis.name},
              {"usd_per_interaction", u.usd_per_interaction},
              {"usd_per_month", u.usd_per_month},
              {"usd_per_user_month", number(u.usd_per_user_month)},
              {"usd_per_mtok", number(u.usd_per_mtok)},
              {"cogs_share", number(u.cogs_share)}};
  if (!basis.notes.empty()) out["notes"] = basis.notes;
  if (!c.target) return out;
  const TargetSolution s = solve_target(c, basis.usd_at);
  out["target"] = {{"met", s.met},
                   {"price_factor", number(s.price_factor)},
                   {"usd_per_mtok", number(s.usd_per_mtok)},
                   {"tokens_per_interaction", number(s.tokens_per_interaction)},
                   {"output_tokens_per_interaction", number(s.output_tokens_per_interaction)}};
  return out;
}

double needed_utilisation(const CustomerAnswer& a) {
  return utilisation_for(a.factory->full_usd,
                         allowed_usd_per_interaction(a.customer) - a.customer.other_usd_per_interaction);
}

json customer_json(const CustomerAnswer& a) {
  const Customer& c = a.customer;
  json out = {{"customer", c.name},
              {"interactions_per_month", c.interactions_per_month},
              {"tokens_per_interaction",
               {{"input", c.tokens.input}, {"cached_input", c.tokens.cached}, {"output", c.tokens.output}}},
              {"bases", json::array()}};
  for (const CustomerBasis& basis : a.bases) out["bases"].push_back(basis_json(c, basis));
  if (c.target) out["target"] = {{"usd_per_interaction", allowed_usd_per_interaction(c)}};
  if (a.factory) {
    const OwnFactory& f = *a.factory;
    out["factory"] = {{"name", f.name},
                      {"how", f.how},
                      {"full_usd_per_interaction", f.full_usd},
                      {"units", f.units},
                      {"utilisation", f.utilisation},
                      {"usd_per_interaction", f.usd}};
    if (c.target) out["factory"]["utilisation_needed"] = number(needed_utilisation(a));
  }
  if (a.verdict)
    out["switching"] = {{"from", c.switch_from},
                        {"to", c.switch_to},
                        {"one_off_usd", c.switching->one_off_usd},
                        {"npv_saving_usd", a.verdict->npv_saving_usd},
                        {"npv_usd", a.verdict->npv_usd},
                        {"break_even_months", number(a.verdict->break_even_months)},
                        {"worth_it", a.verdict->worth_it}};
  return out;
}

std::string money(double usd, const char* format = "{:.6g}") {
  return std::isfinite(usd) ? shown(fmt::runtime(format), usd) : "-";
}

std::string bases_table(const CustomerAnswer& a) {
  const Customer& c = a.customer;
  std::vector<std::vector<std::string>> table = {
      {"", "USD/M tokens", "USD/interaction", "USD/month", "USD/user-month", "share of revenue"}};
  for (const CustomerBasis& basis : a.bases) {
    const UnitEconomics u = unit_economics(c, basis.usd);
    const std::string share = std::isfinite(u.cogs_share) ? shown("{:.2f} %", 100 * u.cogs_share) : "-";
    table.push_back({basis.name, money(u.usd_per_mtok, "{:.4g}"), money(u.usd_per_interaction, "{:.5g}"),
                     money(u.usd_per_month, "{:.2f}"), money(u.usd_per_user_month, "{:.4g}"), share});
  }
  return text_table(table);
}

std::string target_text(const CustomerAnswer& a) {
  const Customer& c = a.customer;
  std::string out = shown("Target: ${:.5g} an interaction\n", allowed_usd_per_interaction(c));
  for (const CustomerBasis& basis : a.bases) {
    const TargetSolution s = solve_target(c, basis.usd_at);
    out += shown("  {}: {}", basis.name, s.met ? "met" : "not met");
    if (!std::isfinite(s.price_factor)) {
      out += "; at no price: other costs alone exceed it\n";
      continue;
    }
    out += shown("; holds up to {:.4g} x its price (${:.4g} per M tokens)", s.price_factor, s.usd_per_mtok);
    if (std::isfinite(s.tokens_per_interaction))
      out += shown(", or {} tokens an interaction ({} of output)", grouped(std::llround(s.tokens_per_interaction)),
                   grouped(std::llround(s.output_tokens_per_interaction)));
    out += "\n";
  }
  if (!a.factory) return out;
  const double u = needed_utilisation(a);
  const char* verdict = u <= 1 ? "" : ": at no utilisation";
  return out + (std::isfinite(u) ? shown("  factory: busy {:.1f} % of its capacity is needed{}\n", 100 * u, verdict)
                                 : "  factory: at no utilisation\n");
}

std::string factory_text(const OwnFactory& f) {
  return shown(
      "Factory ({}): {:.0f} unit{} at {:.1f} % of capacity; an interaction costs ${:.5g}, ${:.5g} when full\n  {}\n",
      f.name, f.units, f.units == 1 ? "" : "s", 100 * f.utilisation, f.usd, f.full_usd, f.how);
}

std::string switch_text(const CustomerAnswer& a) {
  const SwitchVerdict& v = *a.verdict;
  const Switch& s = *a.customer.switching;
  const std::string when =
      std::isfinite(v.break_even_months) ? shown("after {:.1f} months", v.break_even_months) : "never";
  return shown(
      "Switching from {} to {}: ${:.6g} now, pays back {}; savings of {} months are worth ${:.6g} at {:.3g} % a year: "
      "{}\n",
      a.customer.switch_from, a.customer.switch_to, s.one_off_usd, when, s.horizon_months, v.npv_saving_usd,
      100 * s.discount_per_year, v.worth_it ? "switch" : "stay");
}

std::string customer_text(const CustomerAnswer& a) {
  const Customer& c = a.customer;
  std::string out = shown("{}: {} interactions a month of {} input ({} cached) and {} output tokens\n", c.name,
                          grouped(std::llround(c.interactions_per_month)), grouped(std::llround(c.tokens.input)),
                          grouped(std::llround(c.tokens.cached)), grouped(std::llround(c.tokens.output)));
  out += bases_table(a);
  for (const CustomerBasis& basis : a.bases)
    for (const std::string& note : basis.notes) out += shown("  {}: {}\n", basis.name, note);
  if (a.factory) out += factory_text(*a.factory);
  if (c.target) out += target_text(a);
  if (a.verdict) out += switch_text(a);
  return out;
}

}  // namespace

void customer_break_even(const BreakEvenArgs& args) {
  const std::string& file = args.scenario.path;
  if (args.scenario.seed || !args.scenario.trace.empty() || args.release_idle)
    throw UserError(file + ": is a customer's file; --seed, --trace and --release-idle go with a factory");
  json document = parse_json_file(file);
  for (const auto& set : args.scenario.set) apply_set(document, set);
  const JsonObject top(document, file);
  const Customer customer = read_customer(top.object("customer"), MoneyCatalog::standard());
  top.finish();
  const CustomerAnswer a = solve(customer, file);
  std::cout << (args.json ? customer_json(a).dump(2) + "\n" : customer_text(a));
}

}  // namespace tokenfab::cli
