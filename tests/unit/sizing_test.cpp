// Factories sized for an SLO, stacks of techniques, and alternatives that cannot work.
#include "scenarios/sizing.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "scenarios/runner.h"
#include "scenarios/stack.h"
#include "tests/catch.h"

using namespace tokenfab;
using nlohmann::json;

namespace {

json scenario(const json& pool) {
  return {{"name", "sized"},
          {"workload", {{"use", "azure-conv-2023"}, {"rate_scale", 4}, {"max_requests", 800}}},
          {"slo", {{"ttft_s", 1.0}, {"tpot_s", 0.05}, {"attainment", 0.9}}},
          {"pools", json::array({pool})}};
}

const json kPool = {{"llm", "llama-3.1-70b"}, {"chip", "h100-sxm"}};

Scenario load(const json& text) { return parse_scenario(text.dump(), "s.json", {}); }

const Deployment& deployment_of(const Scenario& s) { return s.alternatives[0].pools[0].spec.model->deployment(); }

double attained(const Scenario& s, int replicas) {
  Alternative a = s.alternatives[0];
  a.pools[0].spec.replicas = replicas;
  const RunRecord r = run_once(s, a, 0, {});
  return r.saturated ? 0 : static_cast<double>(r.good_requests) / static_cast<double>(r.offered);
}

}  // namespace

TEST_CASE("the fewest chips hold the model and its cache, and half of them do not") {
  json pool = kPool;
  pool["chips"] = "fewest";
  for (const int wanted : {1000, 400'000}) {
    pool["cache_tokens"] = wanted;
    const Scenario s = load(scenario(pool));
    const Deployment& d = deployment_of(s);
    const MemoryPlan& memory = s.alternatives[0].pools[0].spec.model->memory();
    CHECK(memory.kv_blocks * d.kv_block_tokens >= wanted);
    json half = kPool;
    half["tensor_parallel"] = d.tensor_parallel / 2;
    std::int64_t tokens = 0;  // where it does not fit at all
    try {
      tokens = load(scenario(half)).alternatives[0].pools[0].spec.model->memory().kv_blocks * d.kv_block_tokens;
    } catch (const Infeasible&) {
    }
    CHECK(tokens < wanted);
  }
  CHECK(deployment_of(load(scenario(pool))).tensor_parallel == 4);
  pool["tensor_parallel"] = 8;
  CHECK_THROWS_AS(load(scenario(pool)), UserError);
}

TEST_CASE("an SRAM pipeline takes as many chips as its weights ask for, and no fewer") {
  const Scenario s = load(scenario({{"llm", "llama-3.1-70b"},
                                    {"chip", "groq-lpu-v1"},
                                    {"engine", "groq"},
                                    {"weights", "int8"},
                                    {"activations", "int8"},
                                    {"chips", "fewest"}}));
  const int chips = deployment_of(s).pipeline_parallel;
  CHECK(chips > 307);  // 70.6 GB of weights at 0.23 GB
  CHECK(chips < 500);
}

TEST_CASE("the fewest replicas keep the SLO, and one fewer does not") {
  json pool = kPool;
  pool["tensor_parallel"] = 4;
  pool["replicas"] = "fewest";
  Scenario s = load(scenario(pool));
  size_scenario(s, {});
  const int replicas = s.alternatives[0].pools[0].spec.replicas;
  REQUIRE(replicas > 1);
  CHECK(attained(s, replicas) >= 0.9);
  CHECK(attained(s, replicas - 1) < 0.9);
  json strict = scenario(pool);
  strict["slo"]["tpot_s"] = 0.001;
  Scenario hopeless = load(strict);
  CHECK_THROWS_AS(size_scenario(hopeless, {}), Infeasible);
}

TEST_CASE("what cannot work ends the run, or is listed with its reason") {
  json text = scenario(kPool);
  text.erase("pools");
  json fits = kPool, large = kPool;
  fits["tensor_parallel"] = 4;
  text["alternatives"] = {{{"name", "fits"}, {"pools", {fits}}}, {{"name", "too small"}, {"pools", {large}}}};
  CHECK_THROWS_AS(load(text), Infeasible);
  text["infeasible"] = "list";
  const Scenario s = load(text);
  REQUIRE(s.alternatives.size() == 1);
  REQUIRE(s.infeasible.size() == 1);
  CHECK(s.infeasible[0].name == "too small");
  CHECK(s.infeasible[0].reason.find("does not fit") != std::string::npos);
  text["alternatives"].erase(0);
  CHECK_THROWS_AS(load(text), Infeasible);
}

TEST_CASE("a stack becomes its base, each technique on what it needs, and all up to each") {
  json text = scenario(kPool);
  text["pools"][0]["tensor_parallel"] = 4;
  text["stack"] = {{{"name", "a"}, {"set", {{"/pools/0/kv", "fp8"}}}},
                   {{"name", "b"}, {"set", {{"/pools/0/replicas", 2}}}, {"needs", {"a"}}}};
  const Scenario s = load(text);
  std::vector<std::string> names;
  for (const Alternative& a : s.alternatives) names.push_back(a.name);
  CHECK(names == std::vector<std::string>{"base", "alone: a", "before: b", "alone: b", "stack: a", "stack: b"});
  CHECK(s.alternatives[3].pools[0].spec.replicas == 2);
  CHECK(s.alternatives[3].pools[0].spec.model->deployment().kv == Dtype::fp8);
  text["stack"][1]["needs"] = {"c"};
  CHECK_THROWS_AS(load(text), UserError);
}

TEST_CASE("an alternative may append a copy of a pool") {
  json text = scenario(kPool);
  json base = kPool;
  base["tensor_parallel"] = 4;
  text.erase("pools");
  text["alternatives"] = {
      {{"name", "one"}, {"pools", {base}}},
      {{"name", "two"},
       {"like", "one"},
       {"set", {{"/pools/0/replicas", 3}, {"/pools/1", {{"copy", "/pools/0"}}}, {"/pools/1/replicas", 2}}}}};
  const Scenario s = load(text);
  REQUIRE(s.alternatives[1].pools.size() == 2);
  CHECK(s.alternatives[1].pools[0].spec.replicas == 3);
  CHECK(s.alternatives[1].pools[1].spec.replicas == 2);
  text["alternatives"][1]["set"] = {{"/pools/2", {{"copy", "/pools/0"}}}};
  CHECK_THROWS_AS(load(text), UserError);
}
