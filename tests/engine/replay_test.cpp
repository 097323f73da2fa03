// Continuous batching, paging, prefix sharing, preemption and speculation change when tokens are computed, never which.
#include "tests/catch.h"
#include "tests/engine/engine_fixture.h"

using namespace tokenfab;
using namespace tokenfab::engine;

namespace {

Outputs outputs(const EngineSpec& spec, const ReplayTrace& trace, std::int64_t shared = 0) {
  const auto backend = kernels::make_cpu_backend(2);
  return replay_with(*backend, spec, trace, shared).log.outputs;
}

}  // namespace

TEST_CASE("batched outputs equal one-at-a-time outputs token for token, for every kind of model") {
  const ReplayTrace trace = small_trace(24);
  for (const char* model : {"tiny", "tiny-moe", "tiny-mla"}) {
    INFO(model);
    const EngineSpec spec = tiny_spec(model);
    const Outputs expected = outputs(alone(spec), trace);
    REQUIRE(expected.size() == 24);
    for (const Request& r : trace.requests)
      CHECK(static_cast<std::int32_t>(expected.at(r.id).size()) == r.output_tokens);
    CHECK(outputs(spec, trace) == expected);
    EngineSpec whole = spec;
    whole.batcher.policy = "prefill-first";
    whole.batcher.token_budget = 128;
    CHECK(outputs(whole, trace) == expected);
  }
}

TEST_CASE("page size, page scarcity and preemption do not change a token") {
  const ReplayTrace trace = small_trace(24);
  const Outputs expected = outputs(alone(tiny_spec()), trace);
  for (const std::int32_t page : {1, 16, 64}) {
    EngineSpec spec = tiny_spec();
    spec.batcher.kv_block_tokens = page;
    CHECK(outputs(spec, trace) == expected);
  }
  EngineSpec scarce = tiny_spec();
  scarce.batcher.kv_block_tokens = 4;
  scarce.batcher.kv_blocks = 24;
  const auto backend = kernels::make_cpu_backend(2);
  const Replayed replayed = replay_with(*backend, scarce, trace);
  CHECK(replayed.record.pools[0].preemptions > 0);
  CHECK(replayed.log.outputs == expected);
}

TEST_CASE("a prefix-cache hit gives the tokens of a miss, with whole pages shared and a partial one copied") {
  ReplayTrace trace = small_trace(24);
  for (Request& r : trace.requests) r.input_tokens += 40;
  trace.requests[20].input_tokens = trace.requests[21].input_tokens = 48;  // whole pages: the last one is copied
  const std::int64_t shared = 48;
  const Outputs expected = outputs(alone(tiny_spec()), trace, shared);
  for (const std::int32_t page : {1, 8, 16}) {
    EngineSpec spec = tiny_spec();
    spec.batcher.prefix_cache = true;
    spec.batcher.kv_block_tokens = page;
    const auto backend = kernels::make_cpu_backend(2);
    const Replayed replayed = replay_with(*backend, spec, trace, shared);
    INFO("page " << page);
    CHECK(replayed.log.reused_tokens > 24 * 20);
    if (page > 1) CHECK(replayed.log.copied_pages > 0);
    CHECK(replayed.log.outputs == expected);
    spec.batcher.kv_blocks = 220 / page;  // known pages must be evicted, sequences preempted
    const Replayed scarce = replay_with(*backend, spec, trace, shared);
    CHECK(scarce.log.outputs == expected);
  }
}

TEST_CASE("speculative greedy output equals plain greedy output, whatever drafts, with ragged acceptance") {
  const ReplayTrace trace = small_trace(24, 40, 40);
  const Outputs expected = outputs(alone(tiny_spec()), trace);
  for (const auto& [kind, branches] : std::vector<std::pair<std::string, int>>{
           {"ngram", 1}, {"layers", 1}, {"noisy", 1}, {"noisy", 3}, {"layers", 2}}) {
    INFO(kind << " x " << branches);
    EngineSpec spec = tiny_spec();
    spec.draft.kind = kind;
    spec.draft.branches = branches;
    spec.batcher.prefix_cache = true;
    const auto backend = kernels::make_cpu_backend(2);
    const Replayed replayed = replay_with(*backend, spec, trace);
    CHECK(replayed.log.outputs == expected);
    const Acceptance& a = replayed.log.acceptance;
    if (kind != "ngram") {
      CHECK(a.steps > 0);
      CHECK(a.kept[0] > 0);
      CHECK(a.kept[0] < a.tried[0]);
    }
    spec.batcher.kv_block_tokens = 4;
    spec.batcher.kv_blocks = 40;
    CHECK(replay_with(*backend, spec, trace).log.outputs == expected);
  }
}

TEST_CASE("speculation reproduces 10,000 greedy tokens") {
  ReplayTrace trace = small_trace(42, 40, 1);
  for (Request& r : trace.requests) r.output_tokens = 240;
  EngineSpec spec = tiny_spec();
  spec.context = 320;
  const Outputs expected = outputs(alone(spec), trace);
  spec.draft.kind = "layers";
  const auto backend = kernels::make_cpu_backend(2);
  const Replayed replayed = replay_with(*backend, spec, trace);
  CHECK(replayed.record.output_served == 10080);
  CHECK(replayed.log.outputs == expected);
}

TEST_CASE("a draft that is the target itself is always accepted") {
  EngineSpec spec = tiny_spec();
  spec.draft.kind = "noisy";
  spec.draft.sigma = 0;
  const ReplayTrace trace = small_trace(8);
  const auto backend = kernels::make_cpu_backend(2);
  const Acceptance a = replay_with(*backend, spec, trace).log.acceptance;
  REQUIRE(!a.tried.empty());
  CHECK(a.kept == a.tried);
}

TEST_CASE("sampling draws the same tokens however requests are batched") {
  const ReplayTrace trace = small_trace(24);
  EngineSpec spec = tiny_spec();
  spec.temperature = 0.8f;
  const Outputs expected = outputs(alone(spec), trace);
  CHECK(outputs(spec, trace) == expected);
  EngineSpec greedy = spec;
  greedy.temperature = 0;
  CHECK(outputs(greedy, trace) != expected);
}

TEST_CASE("quantized weights and caches serve the same batched as alone") {
  const ReplayTrace trace = small_trace(12);
  for (const auto& [weights, kv] : std::vector<std::pair<std::string, std::string>>{
           {"int8", "bf16"}, {"int4", "int8"}, {"fp8", "fp8"}, {"bf16", "f32"}}) {
    EngineSpec spec = tiny_spec("tiny-moe");
    spec.weights = weight_type(weights);
    spec.kv = kv_type(kv);
    INFO(weights << " " << kv);
    CHECK(outputs(spec, trace) == outputs(alone(spec), trace));
  }
}
