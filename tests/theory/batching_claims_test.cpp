// Claims about batching and caches that need nothing but the batcher and a step model.
#include <cmath>

#include "base/rng.h"
#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/policy_runs.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

struct Lengths {
  std::int32_t input, output;
};

PoolSpec pool(const std::string& policy, std::int64_t slots) {
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.max_sequences = slots;
  d.token_budget = 1 << 16;
  PoolSpec out;
  out.batcher.policy = policy;
  out.model = std::make_shared<StepModel>(d);
  fit_to_model(out);
  return out;
}

/// Seconds until all requests, there from the start, are served; steps of 16 sequences.
double seconds(const std::string& policy, const std::vector<Lengths>& requests) {
  const PoolSpec p = pool(policy, 16);
  const auto batcher = Batcher::make(p.batcher);
  Slot slot = kNoSlot;
  for (const Lengths& r : requests) REQUIRE(batcher->enqueue(r.input, r.output, slot) == Batcher::Verdict::accepted);
  double out = 0;
  while (batcher->running() + batcher->waiting() > 0) {
    out += p.model->evaluate(batcher->plan().sums).total();
    batcher->complete(1);
  }
  return out;
}

/// Of continuous batching over static batches: 160 requests with outputs of 200 +- spread.
double gain(std::int64_t spread) {
  RandomStream random(1, 0, StreamPurpose::jitter);
  std::vector<Lengths> requests;
  for (int i = 0; i < 160; ++i) {
    const auto more = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(2 * spread + 1)));
    requests.push_back({300, static_cast<std::int32_t>(200 - spread + more)});
  }
  return seconds("static", requests) / seconds("chunked", requests);
}

/// Sequences that run at once where 64 x 2,048 tokens of cache are in pages of `page` tokens, each with 300 tokens.
std::int64_t at_once(std::int32_t page) {
  PoolSpec p = pool("chunked", 4096);
  p.batcher.kv_block_tokens = page;
  p.batcher.kv_blocks = 64 * 2048 / page;
  p.batcher.token_budget = 1 << 20;
  const auto batcher = Batcher::make(p.batcher);
  Slot slot = kNoSlot;
  for (int i = 0; i < 1000; ++i) batcher->enqueue(299, 2, slot);
  batcher->plan();
  return batcher->running();
}

}  // namespace

TEST_CASE("continuous batching gains nothing where equal requests arrive together, and more the more they differ") {
  CHECK(gain(0) == Approx(1).epsilon(1e-12));
  CHECK(gain(50) > 1.1);
  CHECK(gain(100) > gain(50) + 0.1);
  CHECK(gain(199) > gain(100) + 0.1);
}

TEST_CASE("paged caches hold as many sequences as fit, caches reserved for the longest output one per reservation") {
  CHECK(at_once(2048) == 64);                   // a page of the longest sequence is a reservation of it
  CHECK(at_once(16) == 64 * 2048 / (16 * 19));  // 299 tokens and the next one are 19 pages
  CHECK(at_once(1) == 64 * 2048 / 299);         // less than a page of waste each
}

TEST_CASE("steps have no jitter: requests that never meet take the same time to the nanosecond") {
  std::vector<Request> requests;
  for (int i = 0; i < 50; ++i) {
    Request r;
    r.id = i;
    r.arrival = ns_from_seconds(100.0 * i);
    r.input_tokens = 500, r.output_tokens = 100;
    requests.push_back(r);
  }
  const RunRecord alone = run_pool(pool("chunked", 16), requests);
  CHECK(alone.latency.e2e.min() == alone.latency.e2e.max());
  CHECK(alone.latency.tpot.min() == alone.latency.tpot.max());
  for (Request& r : requests) r.arrival /= 10'000;  // closer together than a request takes: they wait for each other
  const RunRecord crowded = run_pool(pool("chunked", 16), requests);
  CHECK(crowded.latency.e2e.quantile(0.99) > 1.05 * crowded.latency.e2e.quantile(0.01));
}
