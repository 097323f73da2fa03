// What a market scenario may say: loader and schema agree.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "scenarios/capacity.h"
#include "scenarios/market.h"
#include "scenarios/market_curves.h"
#include "tests/catch.h"
#include "tests/support/schema.h"

using namespace tokenfab;
using nlohmann::json;

namespace {

const std::string kSchema = std::string(TOKENFAB_SOURCE_DIR) + "/scenarios/schema/scenario.schema.json";

/// Every section, on one small factory.
const json kAll = json::parse(R"({"name": "all",
  "workload": {"generate": {"arrivals": {"rate": 4}, "input_tokens": 200, "output_tokens": {"geometric": 30},
                            "max_requests": 300}},
  "slo": {"ttft_s": 2, "tpot_s": 0.2},
  "market": {"years": 0.1,
    "factories": [{"name": "l4", "pools": [{"llm": "llama-3.1-8b", "chip": "l4",
                                            "supply": {"rent": {"usd_per_chip_hour": 1}}}]}],
    "segments": [{"name": "s", "tokens_per_day": 1e8, "reference_usd_per_mtok": 1, "elasticity": -1.2}],
    "providers": [{"name": "a", "factory": "l4", "cash_usd": 1e5, "price": {"usd_per_mtok": 1}},
                  {"name": "b", "usd_per_mtok": 1, "cash_usd": 1e5, "price": {"usd_per_mtok": 1}}],
    "exchange": {"hours": 24, "sellers": [{"name": "x", "factory": "l4", "replicas": 3}],
                 "buyers": [{"name": "y", "mtok_per_hour": 5, "value_usd_per_mtok": 2}]},
    "regions": {"hours": 24, "ttft_s": 5, "rtt_ms": [0], "demand": [{"region": "r", "tokens_per_day": 1e9}],
                "sites": [{"name": "t", "region": "r", "factory": "l4", "replicas": 30}]},
    "rebound": {"price_ratio": 0.5, "energy_ratio": 0.5},
    "threshold": {"usd_per_mtok": 0.01, "factory": "l4", "wright": {"learning_rate": 0.2, "made": 1, "per_year": 1}},
    "subsidy": {"tokens_per_day": 1e9, "price_usd_per_mtok": 0.01, "factory": "l4", "cash_usd": 1e5},
    "routing": {"offers": [{"name": "a", "usd_per_mtok": 1}, {"name": "b", "factory": "l4"}]}}})");

bool schema_accepts(const json& scenario) { return testing::schema_accepts(kSchema, scenario); }

bool loader_accepts(const json& scenario) {
  try {
    parse_market(scenario.dump(), "m.json", {});
    return true;
  } catch (const UserError&) {
    return false;
  }
}

json with(const std::string& pointer, const json& value) {
  json out = kAll;
  out[json::json_pointer(pointer)] = value;
  return out;
}

json without(const std::string& parent, const std::string& key) {
  json out = kAll;
  out[json::json_pointer(parent)].erase(key);
  return out;
}

}  // namespace

TEST_CASE("schema and loader accept a market with every section, and each section is played") {
  CHECK(schema_accepts(kAll));
  REQUIRE(loader_accepts(kAll));
  const MarketRecord r = run_market(parse_market(kAll.dump(), "m.json", {}), {});
  CHECK(r.curves.size() == 1);
  CHECK(r.providers.size() == 2);
  CHECK(r.auctions.size() == 24);
  CHECK(r.flows.size() == 1);
  CHECK(r.rebounds.size() == 1);
  for (const char* section : {"competition", "exchange", "regions", "rebound", "threshold", "subsidy", "routing"}) {
    CAPTURE(section);
    CHECK(std::any_of(r.figures.begin(), r.figures.end(), [&](const auto& f) { return f.section == section; }));
  }
}

TEST_CASE("schema and loader refuse the same mistakes of a market") {
  const std::vector<std::pair<std::string, json>> wrong = {
      {"/market/yeers", 2},
      {"/market/years", 0},
      {"/market/factories/0/pool", 1},
      {"/market/factories/0/scenario", "x.json"},
      {"/market/segments/0/elasticity", 0.5},
      {"/market/segments/0/choice", {{"rule", "dearest"}}},
      {"/market/segments/0/profile", {{"amplitude", 2}}},
      {"/market/segments/0/profile", {{"hours", {1, 2, 3}}}},
      {"/market/providers/0/usd_per_mtok", 1},
      {"/market/providers/0/price", {{"usd_per_mtok", 0}}},
      {"/market/providers/0/price", {{"usd_per_mtok", 1}, {"rule", "free"}}},
      {"/market/providers/0/capacity", {{"rule", "elastic"}}},
      {"/market/providers/0/capacity", {{"target_load", 1.5}}},
      {"/market/providers/1/capacity", json::object()},
      {"/market/providers/1/supply", json::object()},
      {"/market/exchange/mechanism", "dutch"},
      {"/market/exchange/sellers", json::array()},
      {"/market/regions/rtt_ms", {-1}},
      {"/market/rebound/before", "l4"},
      {"/market/threshold/yearly_factor", 0.5},
      {"/market/threshold/long_run", {{"factory", "l4"}, {"supply", {{"rent", "on-demand"}}}}},
      {"/market/subsidy/cost_usd_per_mtok", 1},
      {"/market/routing/offers/0/factory", "l4"},
      {"/market/routing/exclusion_s", -1},
      {"/plan", {{"pay_per_token", "x"}}},
      {"/replications", 2},
      {"/router", "round-robin"}};
  for (const auto& [pointer, value] : wrong) {
    CAPTURE(pointer, value);
    CHECK_FALSE(schema_accepts(with(pointer, value)));
    CHECK_FALSE(loader_accepts(with(pointer, value)));
  }
  for (const auto& [parent, key] : std::vector<std::pair<std::string, std::string>>{{"/market", "segments"},
                                                                                    {"/market", "years"},
                                                                                    {"/market", "providers"},
                                                                                    {"/market/providers/0", "cash_usd"},
                                                                                    {"/market/threshold", "wright"},
                                                                                    {"/market/regions", "ttft_s"},
                                                                                    {"/market/factories/0", "pools"}}) {
    CAPTURE(parent, key);
    CHECK_FALSE(schema_accepts(without(parent, key)));
    CHECK_FALSE(loader_accepts(without(parent, key)));
  }
}

TEST_CASE("a curve is simulated once for factories that differ in price only") {
  json two = kAll;
  json other = two["market"]["factories"][0];
  other["name"] = "dear";
  other["pools"][0]["supply"]["rent"]["usd_per_chip_hour"] = 3;
  two["market"]["factories"].push_back(other);
  const MarketPlan plan = parse_market(two.dump(), "m.json", {});
  CHECK(curve_key(plan.factories[0]) == curve_key(plan.factories[1]));
  const MarketRecord r = run_market(plan, {});
  REQUIRE(r.curves.size() == 2);
  for (std::size_t i = 0; i < r.curves[0].points.size(); ++i) {
    CHECK(r.curves[1].points[i].tokens_s == r.curves[0].points[i].tokens_s);
    CHECK(r.curves[1].points[i].usd_h == Approx(3 * r.curves[0].points[i].usd_h));
  }
  two["market"]["factories"][1]["pools"][0]["batcher"] = {{"max_sequences", 8}};
  const MarketPlan different = parse_market(two.dump(), "m.json", {});
  CHECK(curve_key(different.factories[0]) != curve_key(different.factories[1]));
}

TEST_CASE("the end of a curve is the highest load within the SLO") {
  const MarketPlan plan = parse_market(kAll.dump(), "m.json", {});
  const FactoryRuns runs = simulate_factory(plan.factories[0], 1, {});
  const RunRecord& last = runs.records.back();
  CHECK(static_cast<double>(last.good_requests) >= 0.95 * static_cast<double>(last.offered));
  CHECK_FALSE(last.saturated);
  // The same requests a little faster than that miss it.
  Scenario scenario;
  Alternative beyond = plan.factories[0].alternative;
  const FoundCapacity found = find_capacity(scenario, beyond, kCapacityRequests);
  beyond.workload = sped_up(beyond.workload, found.rate_scale * 1.05, kCapacityRequests);
  const RunRecord r = run_once(scenario, beyond, 0, {});
  CHECK((r.saturated || static_cast<double>(r.good_requests) < 0.95 * static_cast<double>(r.offered)));
}
