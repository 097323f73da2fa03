#include "cli/price_plans.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"
#include "cli/record_json.h"
#include "sim/core/bands.h"
#include "sim/economics/plans/focus.h"
#include "sim/economics/plans/litellm.h"
#include "sim/economics/plans/read_plan.h"
#include "sim/economics/pricing.h"
#include "sim/economics/supply.h"

namespace tokenfab::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// The run's own scenario with the new prices laid over it: "plan" as a whole, "supply" for every pool, "provider" key
/// by key.
json repriced_scenario(const RunRecord& record, const json& prices) {
  json scenario = scenario_of(record);
  if (prices.contains("plan")) scenario["plan"] = prices["plan"];
  if (prices.contains("quality")) scenario["quality"] = prices["quality"];
  if (prices.contains("provider")) scenario["provider"].merge_patch(prices["provider"]);
  if (prices.contains("supply"))
    for (auto& pool : scenario["pools"]) pool["supply"] = prices["supply"];
  return scenario;
}

std::string file_date(const std::string& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (error) throw UserError(path + ": cannot be opened for reading");
  const auto system = std::chrono::file_clock::to_sys(time);
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::to_time_t(
                                        std::chrono::time_point_cast<std::chrono::system_clock::duration>(system))));
}

/// The list's tariff for a run: its classes of service are in the tiers of the run's own plan, as far as the list has
/// them.
TokenTariff listed_tariff(const PlanChoice& choice, const std::string& llm, const json& own) {
  TokenTariff t = litellm_tariff(choice.litellm, choice.model.empty() ? llm : choice.model, file_date(choice.litellm));
  const json::json_pointer classes("/plan/pay_per_token/classes");
  if (!own.contains(classes) || !own[classes].is_array()) return t;
  for (const json& name : own[classes]) {
    std::string tier = name.is_string() ? name.get<std::string>() : "standard";
    if (!has_tier(t, tier)) {
      t.notes.push_back("the run's class in tier \"" + tier +
                        "\" is charged at standard prices: the list has no such tier");
      tier = "standard";
    }
    t.tier_of_class.push_back(tier);
  }
  return t;
}

}  // namespace

PlanChoice choose_plan(const std::string& name) {
  if (name == "own") return {name};
  if (fs::exists(name) || name.ends_with(".json")) return {name, parse_json_file(name).dump()};
  return {name, json{{"plan", {{"pay_per_token", name}}}}.dump()};
}

PricedRun price_under(const RunRecord& stored, const PlanChoice& choice, const MoneyCatalog& money) {
  PricedRun out{stored, {}, {}};
  RunRecord& record = out.record;
  const json scenario = repriced_scenario(record, json::parse(choice.prices));
  const JsonObject top(scenario, choice.name);
  std::vector<Supply> supplies;
  std::vector<Assumption> assumed;
  const auto pools = top.objects("pools");
  for (std::size_t i = 0; i < pools.size(); ++i)
    supplies.push_back(read_supply(pools[i], record.pools[i].chip, money, assumed));
  const std::string& llm = record.pools[0].llm;
  if (!choice.litellm.empty()) out.plan = PricePlan("litellm", listed_tariff(choice, llm, scenario));
  else if (top.has("plan")) out.plan = read_price_plan(top.object("plan"), {llm, money, assumed});
  Pricing pricing{std::move(supplies), out.plan, std::nullopt, read_quality(top)};
  if (top.has("provider")) pricing.provider = read_provider(top.object("provider"));
  out.bill = price_all(record, pricing);
  drop_cost_bands(record.bands);
  return out;
}

std::string focus_rows(const PricedRun& run, const std::string& date) {
  if (!run.bill) throw UserError("--focus needs a plan: the run has none, and none is given");
  const RunRecord& r = run.record;
  return focus_csv({&*run.bill, fmt::format("{}/{}/{}", r.study, r.alternative, r.replication), r.pools[0].llm,
                    utc_time(date, r.started_s), utc_time(date, std::ceil(r.started_s + r.makespan_s))});
}

}  // namespace tokenfab::cli
