// The keys of a pool that order its queue, move caches and load variants.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "scenarios/scenario.h"
#include "tests/catch.h"
#include "tests/support/schema.h"

using namespace tokenfab;
using nlohmann::json;

namespace {

const json kTiny = json::parse(R"({"name": "tiny", "workload": {"use": "azure-conv-2023"},
  "pools": [{"llm": "llama-3.1-8b", "chip": "h100-sxm"}]})");

json with(const std::vector<std::pair<std::string, json>>& changes) {
  json out = kTiny;
  for (const auto& [key, value] : changes) out[json::json_pointer("/pools/0/" + key)] = value;
  return out;
}

bool schema_accepts(const json& scenario) {
  const auto path = std::filesystem::path(TOKENFAB_SOURCE_DIR) / "scenarios/schema/scenario.schema.json";
  return testing::schema_accepts(path.string(), scenario);
}

PoolSpec loaded(const json& scenario) {
  return parse_scenario(scenario.dump(), "s.json", {}).alternatives[0].pools[0].spec;
}

std::string refusal(const json& scenario) {
  try {
    loaded(scenario);
    return "";
  } catch (const UserError& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("without these keys the queue is first come, first served, and nothing is moved") {
  const PoolSpec plain = loaded(kTiny);
  CHECK(plain.batcher.scheduling.queue == QueueOrder::fcfs);
  CHECK_FALSE(plain.batcher.scheduling.swap);
  CHECK(plain.transfer_costs.seconds_per_block == 0);
}

TEST_CASE("orders, shares and budgets are read") {
  const json scenario = with({{"batcher",
                               {{"queue", "priority"},
                                {"preempt", true},
                                {"batch_share", 0.25},
                                {"mixed_budget", 512},
                                {"preemption", "swap"}}}});
  CHECK(schema_accepts(scenario));
  const Scheduling s = loaded(scenario).batcher.scheduling;
  CHECK(s.queue == QueueOrder::priority);
  CHECK(s.preempt);
  CHECK(s.batch_share == 0.25);
  CHECK(s.mixed_budget == 512);
  CHECK(s.swap);
}

TEST_CASE("a swapped block of Llama-3.1-8B is 2 MiB over the link, which is 50 GB/s by assumption") {
  const json scenario = with({{"batcher", {{"preemption", "swap"}}}});
  CHECK(loaded(scenario).transfer_costs.seconds_per_block == Approx(16 * 131072 / 50e9).epsilon(1e-3));
  const auto plan = parse_scenario(scenario.dump(), "s.json", {});
  const auto& all = plan.alternatives[0].assumptions;
  CHECK(std::any_of(all.begin(), all.end(), [](const auto& a) { return a.what == "/pools/0/swap_bandwidth_gbs"; }));
}

TEST_CASE("adapters load over each chip's own link and take memory from the cache") {
  const json adapters = {{"count", 100}, {"megabytes", 200}, {"slots", 8}, {"bandwidth_gbs", 25}};
  const json scenario = with({{"tensor_parallel", 2}, {"variants", adapters}});
  CHECK(schema_accepts(scenario));
  const PoolSpec pool = loaded(scenario), plain = loaded(with({{"tensor_parallel", 2}}));
  CHECK(pool.transfer_costs.seconds_per_load == Approx(200e6 / 2 / 25e9));
  // Eight of 100 MB per chip, in blocks of 1 MiB per chip.
  CHECK(plain.batcher.kv_blocks - pool.batcher.kv_blocks == Approx(8 * 100e6 / 1048576).margin(2));
}

TEST_CASE(
    "with a prefix cache the pages of a sliding-window model are larger; memory and time over the link are the same") {
  const json gemma = {{"llm", "gemma-3-27b"},
                      {"variants", {{"count", 9}, {"megabytes", 400}, {"slots", 4}}},
                      {"batcher", {{"preemption", "swap"}}}};
  std::vector<std::pair<std::string, json>> changes;
  for (const auto& [key, value] : gemma.items()) changes.push_back({key, value});
  const PoolSpec plain = loaded(with(changes));
  changes.push_back({"prefix_cache", true});
  const PoolSpec cached = loaded(with(changes));
  const MemoryPlan& m = plain.model->memory();
  REQUIRE(m.full_pages + m.window_pages > 1);
  CHECK(cached.batcher.kv_blocks == plain.batcher.kv_blocks / (m.full_pages + m.window_pages));
  CHECK(static_cast<double>(cached.batcher.kv_blocks) * cached.transfer_costs.seconds_per_block ==
        Approx(static_cast<double>(plain.batcher.kv_blocks) * plain.transfer_costs.seconds_per_block).epsilon(1e-3));
}

namespace {

json models(int count) {
  return with({{"chip", "sambanova-sn40l"},
               {"tensor_parallel", 8},
               {"supply", {{"rent", {{"usd_per_chip_hour", 5}}}}},
               {"variants", {{"count", count}, {"exclusive", true}}}});
}

}  // namespace

TEST_CASE("whole models come from the backing memory at its pace") {
  CHECK(schema_accepts(models(100)));
  const PoolSpec pool = loaded(models(100));
  const Deployment& d = pool.model->deployment();
  REQUIRE(d.chip.backing);
  CHECK(pool.batcher.scheduling.variants.slots == 1);
  // 8,030,261,248 parameters in bf16, an eighth on each chip.
  CHECK(pool.transfer_costs.seconds_per_load ==
        Approx(2 * 8030261248.0 / 8 / d.chip.backing->bandwidth.value).epsilon(0.01));
  CHECK_THROWS_AS(loaded(models(60000)), Infeasible);
}

TEST_CASE("schema and loader refuse the same mistakes of scheduling") {
  const std::vector<std::pair<std::string, json>> mistakes = {
      {"batcher", {{"queue", "lifo"}}},
      {"batcher", {{"queue", "priority"}, {"batch_share", 0}}},
      {"batcher", {{"queue", "shortest-job"}, {"prediction_error", -1}}},
      {"batcher", {{"mixed_budget", 0}}},
      {"batcher", {{"preemption", "drop"}}},
      {"batcher", {{"preempt", "yes"}}},
      {"swap_bandwidth_gbs", "fast"},
      {"variants", {{"megabytes", 200}, {"slots", 8}}},
      {"variants", {{"count", 10}}},
      {"variants", {{"count", 10}, {"megabytes", 200}}},
      {"variants", {{"count", 10}, {"exclusive", true}, {"slots", 2}}},
      {"variants", {{"count", 10}, {"megabytes", 200}, {"slots", 0}}},
      {"variants", {{"count", 10}, {"megabytes", 200}, {"slots", 8}, {"kind", "lora"}}}};
  for (const auto& [key, value] : mistakes) {
    CAPTURE(key, value);
    CHECK_FALSE(schema_accepts(with({{key, value}})));
    CHECK_FALSE(refusal(with({{key, value}})).empty());
  }
}

TEST_CASE("keys that do not go together are refused at their pool") {
  const auto says = [](const json& batcher, const std::string& what) {
    CHECK_THAT(refusal(with({{"batcher", batcher}})), Catch::Contains("s.json: /pools/0") && Catch::Contains(what));
  };
  says({{"preempt", true}}, "\"queue\": \"priority\"");
  says({{"queue", "deadline"}, {"batch_share", 0.5}}, "\"queue\": \"priority\"");
  says({{"ageing_tokens_per_s", 3}}, "\"queue\": \"shortest-job\"");
  says({{"policy", "prefill-first"}, {"mixed_budget", 4000}}, "\"chunked\"");
  says({{"policy", "static"}, {"preemption", "swap"}}, "static");
  says({{"policy", "prefill-first"}, {"max_step_s", 0.05}}, "\"chunked\"");
  says({{"queue", "priority"}, {"preempt", true}, {"max_step_s", 0.05}}, "\"preempt\"");
  says({{"mixed_budget", 200}}, "256 sequences");
  CHECK_THAT(refusal(with({{"swap_bandwidth_gbs", 30}})), Catch::Contains("/pools/0/swap_bandwidth_gbs"));
}
