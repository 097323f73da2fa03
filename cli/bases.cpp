#include "cli/bases.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/record_json.h"
#include "cli/shown.h"
#include "sim/economics/supply.h"

namespace tokenfab::cli {
using nlohmann::json;

namespace {

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

double usage_per_mtok(const CostSummary& c) { return c.usd_per_mtok * c.utilisation_cost; }

/// The pool's supply brought to one basis; its site stays.
json on_basis(const json& pool, const std::string& name, bool& from_scenario) {
  const json supply = pool.value("supply", json::object());
  from_scenario = supply.contains(name);
  if (from_scenario) return supply;
  json out = {{name, name == "rent" ? json("on-demand") : json::object()}};
  if (supply.contains("site")) out["site"] = supply["site"];
  return out;
}

/// What price_run reads of a record.
RunRecord usage_only(const RunRecord& r) {
  RunRecord out;
  out.pools = r.pools;
  out.input_served = r.input_served;
  out.output_served = r.output_served;
  out.cached_tokens = r.cached_tokens;
  out.good_output_tokens = r.good_output_tokens;
  out.makespan_s = r.makespan_s;
  out.seed = r.seed;
  out.replication = r.replication;
  return out;
}

SupplyBasis on_one(const RunRecord& r, json scenario, const std::string& name, const MoneyCatalog& money) {
  SupplyBasis out{name, "scenario", {}, ""};
  for (json& pool : scenario["pools"]) {
    bool from_scenario = false;
    pool["supply"] = on_basis(pool, name, from_scenario);
    if (!from_scenario) out.source = "catalogue";
  }
  try {
    const JsonObject top(scenario, r.alternative);
    const auto pools = top.objects("pools");
    std::vector<Supply> supplies;
    std::vector<Assumption> assumed;
    for (std::size_t i = 0; i < pools.size(); ++i)
      supplies.push_back(read_supply(pools[i], r.pools.at(i).chip, money, assumed));
    RunRecord priced = usage_only(r);
    price_run(priced, supplies, std::nullopt);
    out.cost = priced.cost;
  } catch (const UserError& e) {
    out.refused = e.what();
  }
  return out;
}

}  // namespace

std::vector<SupplyBasis> both_bases(const RunRecord& r) {
  const MoneyCatalog money = MoneyCatalog::standard();
  const json scenario = scenario_of(r);
  return {on_one(r, scenario, "rent", money), on_one(r, scenario, "own", money)};
}

namespace {

json bases_json(const RunRecord& r) {
  json out = json::array();
  for (const SupplyBasis& b : both_bases(r)) {
    json row = {{"basis", b.name}, {"source", b.source}};
    if (!b.refused.empty()) row["refused"] = b.refused;
    else
      row.update({{"usd_allocation", number(b.cost.usd_total)},
                  {"usd_usage", number(b.cost.usd_usage)},
                  {"usd_per_mtok_allocation", number(b.cost.usd_per_mtok)},
                  {"usd_per_mtok_usage", number(usage_per_mtok(b.cost))}});
    out.push_back(row);
  }
  return out;
}

}  // namespace

std::string bases_text(const RunRecord& r) {
  std::vector<std::vector<std::string>> table = {{r.alternative, "from", "USD, allocation", "USD, usage",
                                                  "USD per M tokens, allocation", "USD per M tokens, usage"}};
  std::string refused;
  for (const SupplyBasis& b : both_bases(r)) {
    if (!b.refused.empty()) {
      refused += b.name + ": " + b.refused + "\n";
      continue;
    }
    table.push_back({b.name, b.source, shown("{:.4f}", b.cost.usd_total), shown("{:.4f}", b.cost.usd_usage),
                     shown("{:.4f}", b.cost.usd_per_mtok), shown("{:.4f}", usage_per_mtok(b.cost))});
  }
  return "\n" + text_table(table) + refused;
}

json run_json(const RunRecord& r, bool bases) {
  json out = record_json(r);
  if (bases) out["bases"] = bases_json(r);
  return out;
}

}  // namespace tokenfab::cli
