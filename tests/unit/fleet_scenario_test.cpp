// Fleets as scenarios write them: what is understood, what is assumed, what is refused.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_object.h"
#include "scenarios/region_graph.h"
#include "scenarios/runner.h"
#include "tests/catch.h"
#include "tests/support/schema.h"

using namespace tokenfab;
using nlohmann::json;

namespace {

const json kPool = json::parse(R"({"name": "a", "llm": "llama-3.1-8b", "chip": "h100-sxm"})");
const json kScaling = json::parse(R"({"max": 4, "target": 8})");

json scenario() {
  json s = json::parse(R"({"name": "f", "workload": {"generate": {
    "arrivals": {"law": "poisson", "rate": 20, "profile": [1, 2, 3, 2], "profile_window_s": 1},
    "input_tokens": 100, "output_tokens": 20, "max_requests": 400}}})");
  s["pools"] = {kPool};
  return s;
}

json two_pools() {
  json s = scenario();
  s["pools"].push_back(kPool);
  s["pools"][1]["name"] = "b";
  return s;
}

json regional() {
  json s = two_pools();
  s["regions"] = json::parse(R"({"links": [{"between": ["x", "y"], "rtt_ms": 40}, {"between": ["y", "z"], "rtt_ms": 30},
                                           {"between": ["x", "z"], "rtt_ms": 90}], "local_rtt_ms": 1})");
  s["workload"]["regions"] = json::parse(R"([{"name": "x"}, {"name": "z", "share": 3, "phase_h": 6}])");
  s["pools"][0]["region"] = "x";
  s["pools"][1]["region"] = "y";
  s["router"] = "nearest";
  return s;
}

json with(json s, const std::string& pointer, const json& value) {
  s[json::json_pointer(pointer)] = value;
  return s;
}

Scenario load(const json& s) { return parse_scenario(s.dump(), "f.json", {}); }

std::string refusal(const json& s) {
  try {
    load(s);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

bool schema_accepts(const json& s) {
  return testing::schema_accepts(TOKENFAB_SOURCE_DIR "/scenarios/schema/scenario.schema.json", s);
}

RunRecord run(const json& s) {
  RunRecord out;
  run_scenario(load(s), {}, [&](RunRecord&& r) { out = std::move(r); });
  return out;
}

}  // namespace

TEST_CASE("round trips follow the quickest links") {
  const json text = regional()["regions"];
  const RegionGraph graph(JsonObject(text, "f.json", "/regions"));
  REQUIRE(graph.names() == std::vector<std::string>{"x", "y", "z"});
  CHECK(graph.rtt_s(0, 1) == Approx(0.04).epsilon(1e-12));
  CHECK(graph.rtt_s(0, 2) == Approx(0.07).epsilon(1e-12));  // by y
  CHECK(graph.rtt_s(2, 0) == graph.rtt_s(0, 2));
  CHECK(graph.rtt_s(1, 1) == Approx(0.001).epsilon(1e-12));
}

TEST_CASE("an autoscaler's defaults are listed with their sources") {
  const Scenario s = load(with(scenario(), "/pools/0/autoscale", kScaling));
  const Alternative& a = s.alternatives.front();
  REQUIRE(a.pools[0].spec.fleet.scaling);
  CHECK(a.pools[0].spec.fleet.scaling->cold_start_s == 90 + 30 + 60 + 200);
  int sourced = 0;
  for (const Assumption& x : a.assumptions) sourced += x.why.find("systemoverflow.com") != std::string::npos;
  CHECK(sourced == 4);
  json parts = kScaling;
  parts["cold_start_s"] = {{"node", 0}, {"driver", 1}, {"image", 2}, {"weights", 4}};
  CHECK(load(with(scenario(), "/pools/0/autoscale", parts)).alternatives[0].pools[0].spec.fleet.scaling->cold_start_s ==
        7);
}

TEST_CASE("regions reach the run: each request goes to the nearest pool, and its way is in its latency") {
  const RunRecord r = run(regional());
  REQUIRE(r.fleet);
  REQUIRE(r.fleet->flows.size() == 4);
  CHECK(r.fleet->flows[0].requests + r.fleet->flows[3].requests == 400);  // x to a, z to b
  CHECK(r.fleet->flows[3].requests > 2 * r.fleet->flows[0].requests);
  CHECK(r.fleet->flows[3].rtt_s == Approx(0.03).epsilon(1e-12));
  CHECK(r.latency.ttft.min() > 1'000'000);
  CHECK(r.fleet->pooling_gain > 0);
  CHECK(r.fleet->peak_window_s == 1);
}

TEST_CASE("prices of pools are what their replicas cost, or what they declare, but one for all") {
  json s = two_pools();
  s["router"] = "cheapest";
  s["pools"][0]["supply"] = {{"rent", {{"usd_per_chip_hour", 3.0}, {"source", "test"}}}};
  s["pools"][1]["supply"] = {{"rent", {{"usd_per_chip_hour", 2.0}, {"source", "test"}}}};
  s["pools"][1]["tensor_parallel"] = 2;
  const Scenario loaded = load(s);
  const Alternative& a = loaded.alternatives.front();
  CHECK(a.pools[0].spec.fleet.price == Approx(3).epsilon(1e-12));
  CHECK(a.pools[1].spec.fleet.price == Approx(4).epsilon(1e-12));
  s["pools"][1]["price"] = 0.5;
  CHECK(refusal(s).find("/pools/0/price: is missing") != std::string::npos);
}

TEST_CASE("an outage, a reclaim and a floor each reach the run") {
  json s = two_pools();
  s["router"] = "failover";
  s["outages"] = json::parse(R"([{"pool": "a", "from_s": 3, "to_s": 8}])");
  s["pools"][1]["spot"] = {{"hazard_per_hour", 600}, {"restart_s", 1}};
  s["gateway"] = json::parse(R"({"quality_floors": [{"priority": 0, "quality": 0.5}]})");
  s["pools"][0]["quality"] = 0.6;
  s["pools"][1]["quality"] = 0.4;
  const RunRecord r = run(s);
  CHECK(r.served == r.offered);
  CHECK(r.fleet->pools[0].requeued + r.fleet->pools[0].failed_attempts > 0);
  CHECK(r.fleet->pools[1].routed > 0);
  CHECK(r.fleet->floor_violations == r.fleet->pools[1].routed);
  const RunRecord kept = run(with(with(s, "/router", "variant"), "/outages", json::array()));
  CHECK(kept.fleet->floor_violations == 0);
  CHECK(kept.fleet->pools[1].routed == 0);
}

TEST_CASE("schema and loader refuse the same mistakes in fleets") {
  REQUIRE(schema_accepts(regional()));
  REQUIRE(refusal(regional()).empty());
  const std::vector<std::pair<std::string, json>> mistakes = {
      {"/gateway", {{"size", 1}}},
      {"/gateway", {{"queue", -1}}},
      {"/gateway", {{"quality_floors", {{{"priority", 300}, {"quality", 1}}}}}},
      {"/regions/links", json::array()},
      {"/regions/links/0/between", {"x"}},
      {"/regions/links/0/between", {"x", "x"}},
      {"/regions/links/0/rtt_ms", -1},
      {"/workload/regions", json::array()},
      {"/workload/regions/0/share", 0},
      {"/workload/regions/0/phase_h", 30},
      {"/outages", {{{"pool", "a"}, {"from_s", 1}}}},
      {"/pools/0/autoscale", {{"target", 3}}},
      {"/pools/0/autoscale", {{"max", 3}}},
      {"/pools/0/autoscale", {{"max", 0}, {"target", 1}}},
      {"/pools/0/autoscale", {{"max", 3}, {"target", 0}}},
      {"/pools/0/autoscale", {{"max", 3}, {"target", 1}, {"policy", "psychic"}}},
      {"/pools/0/autoscale", {{"max", 3}, {"target", 1}, {"signal", "hunch"}}},
      {"/pools/0/autoscale", {{"max", 3}, {"policy", "scheduled"}}},
      {"/pools/0/autoscale", {{"max", 3}, {"target", 1}, {"schedule", {{{"at_s", 0}, {"replicas", 1}}}}}},
      {"/pools/0/autoscale", {{"max", 3}, {"target", 1}, {"cold_start_s", {{"disk", 1}}}}},
      {"/pools/0/spot", {{"notice_s", 1}}},
      {"/pools/0/spot", {{"hazard_per_hour", -1}}},
      {"/pools/0/price", 0},
      {"/pools/0/region", 7},
      {"/router", "dearest"}};
  for (const auto& [pointer, value] : mistakes) {
    CAPTURE(pointer, value.dump());
    CHECK_FALSE(schema_accepts(with(regional(), pointer, value)));
    CHECK_FALSE(refusal(with(regional(), pointer, value)).empty());
  }
}

TEST_CASE("what does not go together is refused in one line that says where and why") {
  const auto says = [](const json& s, const std::string& place, const std::string& why) {
    const std::string got = refusal(s);
    CAPTURE(got);
    CHECK(got.find(place) != std::string::npos);
    CHECK(got.find(why) != std::string::npos);
    CHECK(got.find('\n') == std::string::npos);
  };
  const json scaled = with(scenario(), "/pools/0/autoscale", kScaling);
  const json oracle = with(scaled, "/pools/0/autoscale/policy", "oracle");
  json sessions = oracle;
  sessions["workload"] = json::parse(R"({"sessions": {"users": 2, "max_sessions": 4, "turns": 2,
    "first_prompt_tokens": 10, "new_tokens": 5, "output_tokens": 5, "think_ms": 10}})");
  says(sessions, "/pools/0/autoscale", "sessions");
  says(with(with(two_pools(), "/pools/0/autoscale", kScaling), "/pools/0/autoscale/policy", "oracle"),
       "/pools/0/autoscale", "one pool");
  says(with(scaled, "/router", "cache-aware"), "/router", "remembers replicas");
  says(with(scaled, "/pools/0/replicas", 9), "/pools/0/replicas", "min and max");
  says(with(scaled, "/pools/0/replicas", "fewest"), "/pools/0/replicas", "fewest");
  says(with(scaled, "/outages", {{{"pool", "a"}, {"from_s", 1}, {"to_s", 2}}}), "/outages/0/pool", "pools that stay");
  says(with(scenario(), "/outages", {{{"pool", "c"}, {"from_s", 1}, {"to_s", 2}}}), "/outages/0/pool", "nearest");
  says(with(with(scenario(), "/pools/0/spot", {{"hazard_per_hour", 1}}), "/pools/0/prefix_cache", true),
       "/pools/0/prefix_cache", "spot");
  const json charged = json::parse(R"({"kind": "spot", "spot": {"interruptions_per_hour": 1}})");
  for (const json& rent : {charged, json::array({with(charged, "/share", 1)})})
    says(with(with(scenario(), "/pools/0/spot", {{"hazard_per_hour", 1}}), "/pools/0/supply", {{"rent", rent}}),
         "/pools/0/spot", "interruptions_per_hour");
  json split = two_pools();
  split["pools"][0]["role"] = "prefill";
  split["pools"][1]["role"] = "decode";
  split["pools"][0]["autoscale"] = kScaling;
  says(split, "/pools/0/role", "autoscale");
  says(with(scenario(), "/pools/0/region", "x"), "/pools/0/region", "regions");
  says(with(regional(), "/pools/1/region", "w"), "/pools/1/region", "allowed: x, y, z");
  says(with(regional(), "/workload/regions/1/phase_h", 5), "/workload/regions", "windows of 6 h");
  says(with(with(scenario(), "/gateway", {{"quality_floors", {{{"priority", 0}, {"quality", 0.5}}}}}), "/router",
            "variant"),
       "/pools/0/quality", "missing");
}
