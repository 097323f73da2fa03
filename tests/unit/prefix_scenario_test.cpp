// "prefix_cache" of a pool: schema and loader agree; sizes follow from the model.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "scenarios/cache_json.h"
#include "scenarios/scenario.h"
#include "tests/catch.h"
#include "tests/support/schema.h"

using namespace tokenfab;
using nlohmann::json;

namespace {

json scenario_with(const json& prefix_cache, const char* llm = "llama-3.1-8b") {
  json s = json::parse(R"({"name": "tiny", "workload": {"use": "azure-conv-2023"},
    "pools": [{"chip": "h100-sxm", "batcher": {"max_sequences": 64}}]})");
  s["pools"][0]["llm"] = llm;
  s["pools"][0]["prefix_cache"] = prefix_cache;
  return s;
}

PoolSpec pool_of(const json& scenario) {
  return parse_scenario(scenario.dump(), "s.json", {}).alternatives[0].pools[0].spec;
}

bool schema_accepts(const json& scenario) {
  return testing::schema_accepts(std::string(TOKENFAB_SOURCE_DIR) + "/scenarios/schema/scenario.schema.json", scenario);
}

}  // namespace

TEST_CASE("prefix_cache: true is the chips' memory in blocks of Mooncake's 512 tokens; false is none") {
  const PoolSpec on = pool_of(scenario_with(true)), off = pool_of(scenario_with(false));
  CHECK(on.batcher.prefix_cache);
  CHECK(on.batcher.prefix_pages == 32);
  CHECK(on.prefix.block_tokens == 512);
  CHECK(on.batcher.kv_blocks == off.batcher.kv_blocks);
  CHECK(on.batcher.tiers.empty());
  CHECK_FALSE(off.batcher.prefix_cache);
  CHECK(off.prefix.block_tokens == 0);
  CHECK(schema_accepts(scenario_with(true)));
}

TEST_CASE("a tier's blocks are its bytes over the KV bytes of a block") {
  const json spec = json::parse(R"({"block_tokens": 256, "life_s": 300, "tiers": [
    {"name": "host", "capacity_gb": 100, "bandwidth_gbs": 50, "latency_us": 10},
    {"name": "ssd", "capacity_gb": 0, "bandwidth_gbs": 5}]})");
  CHECK(schema_accepts(scenario_with(spec)));
  const PoolSpec p = pool_of(scenario_with(spec));
  // Llama-3.1-8B: 2 x 32 layers x 8 heads x 128 in bf16 = 131,072 bytes a token.
  CHECK(kv_bytes_per_token(*p.model) == 131072);
  CHECK(p.prefix_block_bytes == 256 * 131072);
  REQUIRE(p.batcher.tiers.size() == 2);
  CHECK(p.batcher.tiers[0].blocks == 2980);  // 100e9 / 33,554,432
  CHECK(seconds_from_ticks(p.batcher.tiers[0].per_block) == Approx(33554432 / 50e9));
  CHECK(seconds_from_ticks(p.batcher.tiers[0].latency) == Approx(1e-5));
  CHECK(p.batcher.tiers[1].blocks == 0);
  CHECK(seconds_from_ticks(p.batcher.prefix_life) == Approx(300));
  // Four chips hold the same cache; each byte is kept once below them.
  json four = scenario_with(spec);
  four["pools"][0]["tensor_parallel"] = 4;
  CHECK(pool_of(four).prefix_block_bytes == 256 * 131072);
}

TEST_CASE("models with attention windows share pages of all layers") {
  const PoolSpec off = pool_of(scenario_with(false, "gemma-3-27b")), on = pool_of(scenario_with(true, "gemma-3-27b"));
  REQUIRE(off.batcher.window.tokens > 0);
  const int each = off.batcher.window.full_pages + off.batcher.window.window_pages;
  CHECK(each > 1);
  CHECK(on.batcher.kv_blocks == off.batcher.kv_blocks / each);
}

TEST_CASE("schema and loader refuse the same mistakes in a prefix cache") {
  const json tier = {{"name", "host"}, {"capacity_gb", 1}, {"bandwidth_gbs", 1}};
  const auto changed = [&](const char* key, const json& value) {
    json t = tier;
    t[key] = value;
    return json{{"tiers", {t}}};
  };
  const std::vector<json> mistakes = {7,
                                      "on",
                                      {{"blocks", 5}},
                                      {{"block_tokens", 0}},
                                      {{"life_s", 0}},
                                      {{"tiers", {{{"name", "host"}}}}},
                                      changed("capacity_gb", -1),
                                      changed("bandwidth_gbs", 0),
                                      changed("latency_us", -1),
                                      changed("name", "hbm"),
                                      changed("speed", 1),
                                      {{"shared_prompt", json::object()}},
                                      {{"shared_prompt", {{"tokens", 0}}}},
                                      {{"shared_prompt", {{"tokens", 100}, {"share", 1.5}}}},
                                      {{"shared_prompt", {{"tokens", 100}, {"prompts", 0}}}}};
  for (const json& mistake : mistakes) {
    CAPTURE(mistake);
    CHECK_FALSE(schema_accepts(scenario_with(mistake)));
    CHECK_THROWS_AS(pool_of(scenario_with(mistake)), UserError);
  }
}

TEST_CASE("mistakes that only the loader can see are named with what was allowed") {
  using Catch::Contains;
  CHECK_THROWS_WITH(pool_of(scenario_with({{"block_tokens", 500}})),
                    "s.json: /pools/0/prefix_cache/block_tokens: 500 is not a multiple of the KV page of 16 tokens");
  CHECK_THROWS_WITH(pool_of(scenario_with({{"block_tokens", 512}, {"shared_prompt", {{"tokens", 100}}}})),
                    Contains("/prefix_cache/shared_prompt/tokens: 100 is less than a prefix block of 512"));
  json still = scenario_with(true);
  still["pools"][0]["batcher"]["policy"] = "static";
  CHECK_THROWS_WITH(pool_of(still), Contains("/pools/0/prefix_cache: is not for the batcher policy \"static\""));
  const json twice = {{"name", "host"}, {"capacity_gb", 1}, {"bandwidth_gbs", 1}};
  CHECK_THROWS_WITH(pool_of(scenario_with({{"tiers", {twice, twice}}})), Contains("/tiers/1/name: \"host\" is taken"));
}
