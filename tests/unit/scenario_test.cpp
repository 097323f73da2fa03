#include "scenarios/scenario.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/json_object.h"
#include "scenarios/resolve.h"
#include "tests/catch.h"
#include "tests/support/schema.h"

using namespace tokenfab;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const fs::path kScenarios = fs::path(TOKENFAB_SOURCE_DIR) / "scenarios";

const json kTiny = json::parse(R"({"name": "tiny", "workload": {"use": "azure-conv-2023"},
  "pools": [{"llm": "llama-3.1-8b", "chip": "h100-sxm", "batcher": {"max_sequences": 64}}]})");

bool schema_accepts(const json& scenario) {
  return testing::schema_accepts((kScenarios / "schema/scenario.schema.json").string(), scenario);
}

bool loader_accepts(const json& scenario) {
  try {
    parse_scenario(scenario.dump(), "s.json", {});
    return true;
  } catch (const UserError&) {
    return false;
  }
}

json with(const std::string& pointer, const json& value) {
  json out = kTiny;
  out[json::json_pointer(pointer)] = value;
  return out;
}

}  // namespace

TEST_CASE("the schema accepts every shipped scenario") {
  int seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kScenarios)) {
    const fs::path folder = entry.path().parent_path().filename();
    if (entry.path().extension() != ".json" || folder == "schema" || folder == "customers") continue;
    CAPTURE(entry.path());
    CHECK(schema_accepts(parse_json_file(entry.path().string())));
    ++seen;
  }
  CHECK(seen >= 6);
}

TEST_CASE("schema and loader refuse the same mistakes") {
  REQUIRE(schema_accepts(kTiny));
  REQUIRE(loader_accepts(kTiny));
  const std::vector<std::pair<std::string, json>> mistakes = {{"/nam", "typo"},
                                                              {"/seed", -1},
                                                              {"/seed", 1.5},
                                                              {"/replications", 0},
                                                              {"/horizon_s", -3},
                                                              {"/slo", {{"ttft", 1}}},
                                                              {"/slo", {{"ttft_s", -1}}},
                                                              {"/router", "robin"},
                                                              {"/pools", json::array()},
                                                              {"/pools/0/chip", 7},
                                                              {"/pools/0/tensor_parallel", 0},
                                                              {"/pools/0/weights", "fp16"},
                                                              {"/pools/0/expert_parallel", 2},
                                                              {"/pools/0/batcher", {{"max_seqs", 4}}},
                                                              {"/pools/0/batcher", {{"policy", "fifo"}}},
                                                              {"/pools/0/batcher", {{"watermark", 0.9}}},
                                                              {"/pools/0/supply", "on-demand"},
                                                              {"/workload", "azure-conv-2023"},
                                                              {"/workload/trace", {{"path", "x.csv"}}},
                                                              {"/workload/rate_scale", 0},
                                                              {"/workload/thin", 1.5},
                                                              {"/workload/window_s", {5}},
                                                              {"/plan", json::object()},
                                                              {"/provider", json::object()},
                                                              {"/breakeven", 7},
                                                              {"/pools/0/memory_share", 1.2}};
  for (const auto& [pointer, value] : mistakes) {
    CAPTURE(pointer, value);
    CHECK_FALSE(schema_accepts(with(pointer, value)));
    CHECK_FALSE(loader_accepts(with(pointer, value)));
  }
}

TEST_CASE("alternatives inherit by like and change by set") {
  const json scenario = json::parse(R"({"workload": {"use": "azure-conv-2023"}, "alternatives": [
    {"name": "a", "router": "round-robin", "pools": [{"llm": "llama-3.1-8b", "chip": "h100-sxm"}]},
    {"name": "b", "like": "a", "set": {"/pools/0/chip": "h200-sxm", "/pools/0/batcher/max_sequences": 32}},
    {"name": "c", "like": "b", "router": "power-of-two"}]})");
  const auto all = resolve_alternatives(scenario, "s.json");
  REQUIRE(all.size() == 3);
  const json b = json::parse(all[1].json), c = json::parse(all[2].json);
  CHECK(b["pools"][0]["chip"] == "h200-sxm");
  CHECK(b["router"] == "round-robin");
  CHECK(c["pools"][0]["batcher"]["max_sequences"] == 32);
  CHECK(c["router"] == "power-of-two");
  CHECK(c["workload"] == scenario["workload"]);
}

TEST_CASE("an alternative may change the scenario's workload, for itself") {
  const json scenario = json::parse(R"({"workload": {"generate": {"arrivals": {"rate": 1}, "input_tokens": 10}},
    "alternatives": [
      {"name": "short", "pools": [{"chip": "x"}]},
      {"name": "long", "like": "short", "set": {"/workload/generate/input_tokens": 99}},
      {"name": "longer", "like": "long", "set": {"/workload/generate/arrivals/rate": 2}}]})");
  const auto all = resolve_alternatives(scenario, "s.json");
  REQUIRE(all.size() == 3);
  const auto workload = [&](std::size_t i) { return json::parse(all[i].json)["workload"]["generate"]; };
  CHECK(workload(0) == scenario["workload"]["generate"]);
  CHECK(workload(1)["input_tokens"] == 99);
  CHECK(workload(1)["arrivals"]["rate"] == 1);
  CHECK(workload(2)["input_tokens"] == 99);
  CHECK(workload(2)["arrivals"]["rate"] == 2);
}

TEST_CASE("--set reaches every alternative, whichever way it is written") {
  json scenario = json::parse(R"({"alternatives": [
    {"name": "a", "pools": [{"chip": "h100-sxm"}]}, {"name": "b", "like": "a", "set": {"/pools/0/chip": "l4"}}]})");
  apply_set(scenario, "/pools/0/replicas=3");
  apply_set(scenario, "/seed=9");
  const auto all = resolve_alternatives(scenario, "s.json");
  CHECK(json::parse(all[0].json)["pools"][0]["replicas"] == 3);
  CHECK(json::parse(all[1].json)["pools"][0]["replicas"] == 3);
  CHECK(json::parse(all[1].json)["pools"][0]["chip"] == "l4");
  CHECK(json::parse(all[1].json)["seed"] == 9);
}

TEST_CASE("what the scenario leaves open is listed with its reason") {
  const Scenario s = parse_scenario(kTiny.dump(), "s.json", {});
  const auto& assumptions = s.alternatives[0].assumptions;
  for (const char* key : {"/pools/0/kv", "/pools/0/tensor_parallel", "/pools/0/batcher/token_budget", "/router"}) {
    CAPTURE(key);
    CHECK(std::any_of(assumptions.begin(), assumptions.end(), [&](const Assumption& a) { return a.what == key; }));
  }
  CHECK(std::none_of(assumptions.begin(), assumptions.end(),
                     [](const Assumption& a) { return a.what == "/pools/0/batcher/max_sequences"; }));
  for (const auto& a : assumptions) CHECK_FALSE(a.why.empty());
}

TEST_CASE("a trace beside the scenario is found from anywhere") {
  std::string name = (fs::temp_directory_path() / "tokenfab-scenario-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  const fs::path folder = name;
  std::ofstream(folder / "t.csv") << "arrival,input,output\n0,10,5\n1,20,6\n";
  json scenario = kTiny;
  scenario["workload"] = {{"trace", {{"path", "t.csv"}, {"format", "csv"}}}, {"rate_scale", 2}};
  std::ofstream(folder / "s.json") << scenario.dump();
  const Scenario s = load_scenario((folder / "s.json").string(), {});
  OpenWorkload open = s.alternatives[0].workload.open(1, 0);
  RequestBatch batch;
  open.source->read(batch, 10);
  REQUIRE(batch.requests.size() == 2);
  CHECK(batch.requests[1].arrival == 500'000'000);
  CHECK(batch.requests[1].input_tokens == 20);
  fs::remove_all(folder);
}
