// Roles and transfers in scenario files, and the balance of pools.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "hwmodels/collectives.h"
#include "scenarios/balance.h"
#include "scenarios/disaggregation.h"
#include "scenarios/scenario.h"
#include "tests/catch.h"
#include "tests/support/schema.h"

using namespace tokenfab;
using nlohmann::json;

namespace {

const json kApart = json::parse(R"({"workload": {"generate": {"arrivals": {"rate": 2}, "input_tokens": 1000,
    "output_tokens": 101, "max_requests": 50}},
  "pools": [{"name": "p", "role": "prefill", "llm": "llama-3.1-8b", "chip": "h100-sxm", "tensor_parallel": 2},
            {"name": "d", "role": "decode", "llm": "llama-3.1-8b", "chip": "h100-sxm", "kv": "fp8",
             "transfer": {"overlap": 0.5}}]})");

Alternative load(const json& scenario) { return parse_scenario(scenario.dump(), "s.json", {}).alternatives[0]; }

json with(const std::string& pointer, const json& value) {
  json out = kApart;
  out[json::json_pointer(pointer)] = value;
  return out;
}

bool schema_accepts(const json& scenario) {
  return testing::schema_accepts(TOKENFAB_SOURCE_DIR "/scenarios/schema/scenario.schema.json", scenario);
}

std::string refusal(const json& scenario) {
  try {
    load(scenario);
    return "";
  } catch (const UserError& e) {
    return e.what();
  }
}

const KvTransfer& transfer(const Alternative& a) { return a.pools[1].spec.transfers.at(0); }

bool assumes(const Alternative& a, const std::string& what) {
  return std::any_of(a.assumptions.begin(), a.assumptions.end(), [&](const Assumption& x) { return x.what == what; });
}

}  // namespace

TEST_CASE("a transfer's defaults are the network of the chips and the cache of the decode pool") {
  REQUIRE(schema_accepts(kApart));
  const Alternative a = load(kApart);
  CHECK(a.pools[0].spec.role == PoolRole::prefill);
  CHECK(a.pools[1].spec.role == PoolRole::decode);
  const Deployment& from = a.pools[0].spec.model->deployment();
  const Deployment& to = a.pools[1].spec.model->deployment();
  const OpEfficiency& send = from.engine.ops[static_cast<std::size_t>(OpClass::send)];
  const CollectiveCost network = transfer_cost(from.chip, 2, to.chip, 1, false);
  CHECK(transfer(a).seconds_per_byte == Approx(network.seconds_per_byte / send.bandwidth.value));
  CHECK(transfer(a).latency_s == Approx(network.latency + send.floor.value));
  CHECK(transfer(a).overlap == 0.5);
  CHECK(transfer(a).bytes(1000) == 1000.0 * 32 * 2 * 8 * 128);  // layers, K and V, heads, FP8
  CHECK(assumes(a, "/pools/1/transfer/bandwidth_gbs"));
  CHECK(assumes(a, "/pools/1/transfer/latency_us"));
}

TEST_CASE("a scenario's own figures replace them, and chips of one domain use their scale-up links") {
  const Alternative own = load(with("/pools/1/transfer", {{"bandwidth_gbs", 25}, {"latency_us", 3}}));
  CHECK(transfer(own).seconds_per_byte == Approx(1 / 25e9));
  CHECK(transfer(own).latency_s == Approx(3e-6));
  CHECK_FALSE(assumes(own, "/pools/1/transfer/bandwidth_gbs"));
  const Alternative near = load(with("/pools/1/transfer", {{"same_domain", true}}));
  CHECK(transfer(near).seconds_per_byte < 0.5 * transfer(load(kApart)).seconds_per_byte);
}

TEST_CASE("roles that do not fit together are refused where they stand") {
  using Catch::Contains;
  json prefill_only = with("/pools/1/role", "prefill");
  prefill_only["pools"][1].erase("transfer");
  CHECK_THAT(refusal(prefill_only), Contains("/pools/0/role") && Contains("\"decode\""));
  CHECK_THAT(refusal(with("/pools/0/role", "decode")), Contains("/pools/0/role") && Contains("\"prefill\""));
  CHECK_THAT(refusal(with("/pools/1/llm", "mistral-7b-v0.3")), Contains("/pools/1/llm") && Contains("llama-3.1-8b"));
  CHECK_THAT(refusal(with("/pools/0/transfer", json::object())), Contains("/pools/0/transfer"));
  CHECK_THAT(refusal(with("/pools/1/batcher", {{"max_waiting", 5}})), Contains("/pools/1/batcher/max_waiting"));
  CHECK_THAT(refusal(with("/pools/0/batcher", {{"policy", "static"}})), Contains("/pools/0/role"));
  CHECK_THAT(refusal(with("/pools/1/batcher", {{"queue", "priority"}, {"preempt", true}})),
             Contains("/pools/1/batcher/preempt"));
  json far = with("/pools/1/transfer", {{"same_domain", true}});
  far["pools"][1]["chip"] = "h200-sxm";
  CHECK_THAT(refusal(far), Contains("/pools/1/transfer"));
}

TEST_CASE("schema and loader refuse the same mistakes in roles and transfers") {
  const std::vector<std::pair<std::string, json>> mistakes = {
      {"/pools/0/role", "prefil"},          {"/pools/1/transfer", 5},
      {"/pools/1/transfer/overlap", 1.5},   {"/pools/1/transfer/bandwidth_gbs", 0},
      {"/pools/1/transfer/latency_us", -1}, {"/pools/1/transfer/bandwidth", 5},
      {"/pools/1/transfer/same_domain", 1}};
  for (const auto& [pointer, value] : mistakes) {
    CAPTURE(pointer, value);
    CHECK_FALSE(schema_accepts(with(pointer, value)));
    CHECK_FALSE(refusal(with(pointer, value)).empty());
  }
}

TEST_CASE("capacities at the mean lengths are whole steps of the step model") {
  const Alternative a = load(kApart);
  const MeanLengths mean = mean_lengths(a.workload, 1);
  CHECK(mean.requests == 50);
  CHECK(mean.input == 1000);
  CHECK(mean.output == 101);

  const PhaseCapacity prefill = prefill_capacity(a.pools[0].spec, mean);
  StepSums prompts;
  for (int i = 0; i < 8; ++i) prompts.add_chunk(0, 1000, true, 0);  // 8192 tokens a step
  CHECK(prefill.sequences == 8);
  CHECK(prefill.tokens_per_s == Approx(8000 / a.pools[0].spec.model->evaluate(prompts).total()));

  const StepModel& model = *a.pools[1].spec.model;
  const PhaseCapacity decode = decode_capacity(a.pools[1].spec, mean, 0);
  CHECK(decode.sequences == 256);
  CHECK(decode.requests_per_s == Approx(256 / (100 * seconds_from_ticks(model.decode_line(256).at(256 * 1051)))));

  // An objective between the steps of 99 and 100 sequences leaves 99 of them.
  const auto step = [&](std::int64_t n) { return seconds_from_ticks(model.decode_line(n).at(n * 1051)); };
  REQUIRE(step(99) < step(100));
  CHECK(decode_capacity(a.pools[1].spec, mean, 0.5 * (step(99) + step(100))).sequences == 99);
  CHECK(decode_capacity(a.pools[1].spec, mean, 1e-9).sequences == 1);
}

TEST_CASE("a prompt longer than a step's budget is counted in chunks") {
  const Alternative a = load(with("/pools/0/batcher", {{"token_budget", 600}}));
  const PhaseCapacity prefill = prefill_capacity(a.pools[0].spec, {1000, 101, 1});
  StepSums first, second;
  first.add_chunk(0, 600, false, 0);
  second.add_chunk(600, 400, true, 0);
  const StepModel& model = *a.pools[0].spec.model;
  CHECK(prefill.sequences == 1);
  CHECK(prefill.step_s == Approx(model.evaluate(first).total() + model.evaluate(second).total()));
}
