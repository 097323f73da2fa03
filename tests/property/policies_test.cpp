// Every order of the queue, with displacing, shares, swapping and variants: spans give what single steps give, and the
// batcher's blocks and sequences add up after every step.
#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/policy_runs.h"
#include "tests/support/random_scheduling.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

std::vector<Request> random_requests(RandomStream& r, const Scheduling& s) {
  std::vector<Request> out;
  const double gap = std::pow(10.0, -3.5 + 2.5 * r.uniform());
  Ns t = 0;
  for (int i = 0; i < 120; ++i) {
    Request q;
    if (r.uniform() < 0.9) t += ns_from_seconds(gap * r.exponential());  // the rest arrive together
    q.arrival = t;
    q.input_tokens = static_cast<std::int32_t>(1 + r.below(300));
    q.output_tokens = static_cast<std::int32_t>(1 + r.below(150));
    q.priority = static_cast<std::uint8_t>(r.below(4));
    if (r.below(3)) q.deadline = t + ns_from_seconds(2 * r.uniform());
    if (s.variants.count > 0) q.variant = static_cast<std::uint16_t>(r.below(s.variants.count));
    out.push_back(q);
  }
  return out;
}

/// A few heads of prompts in common, blocks of some pages, slower tiers.
void add_prefix_cache(RandomStream& r, PoolSpec& pool) {
  BatcherSpec& b = pool.batcher;
  b.prefix_cache = true;
  b.prefix_pages = static_cast<std::int64_t>(1 + r.below(3));
  b.prefix_life = r.below(2) ? 0 : ticks_from_seconds(std::pow(10.0, -3 + 3 * r.uniform()));
  for (std::uint64_t tiers = r.below(3); tiers > 0; --tiers)
    b.tiers.push_back({"tier " + std::to_string(tiers), static_cast<std::int64_t>(r.below(30)),
                       ticks_from_seconds(1e-5 * r.uniform()), ticks_from_seconds(1e-4 * r.uniform())});
  pool.prefix.block_tokens = b.prefix_pages * b.kv_block_tokens;
  pool.prefix.shared_tokens = 200;
  pool.prefix.shared_prompts = 4;
}

PoolSpec random_pool(RandomStream& r) {
  PoolSpec pool;
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.llm.layers = 4;
  d.max_sequences = static_cast<std::int64_t>(2 + r.below(24));
  d.token_budget = d.max_sequences + static_cast<std::int64_t>(1 + r.below(600));
  BatcherSpec& b = pool.batcher;
  b.policy = r.below(3) ? "chunked" : "prefill-first";
  b.max_sequences = d.max_sequences;
  b.token_budget = b.policy == "chunked" ? d.token_budget : 500;
  b.kv_blocks = 30 + static_cast<std::int64_t>(r.below(100));
  b.watermark_blocks = static_cast<std::int64_t>(r.below(2));
  if (r.below(3) == 0) {
    d.llm.window = WindowShape{64, 1};
    b.window = {64, 1, 3};
    b.kv_blocks *= 4;
  }
  b.scheduling = random_scheduling(r, b.policy, b.max_sequences);
  if (r.below(2)) add_prefix_cache(r, pool);
  pool.name = "pool";
  pool.model = std::make_shared<StepModel>(d);
  pool.transfer_costs = {1e-4 * r.uniform(), 1e-2 * r.uniform()};
  return pool;
}

}  // namespace

TEST_CASE("spans equal single steps under every order of the queue, with displacing, shares, swaps and variants") {
  std::int64_t preemptions = 0, swapped = 0, loads = 0, orders[4] = {}, spans_saved = 0, cached = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    RandomStream r(seed, 0, StreamPurpose::jitter);
    const PoolSpec pool = random_pool(r);
    const auto requests = random_requests(r, pool.batcher.scheduling);
    const RunRecord spans = run_pool(pool, requests);
    require_same(spans, run_pool(pool, requests, true));
    REQUIRE(spans.offered == spans.served + spans.rejected);
    ++orders[static_cast<std::size_t>(pool.batcher.scheduling.queue)];
    preemptions += spans.pools[0].preemptions;
    swapped += spans.pools[0].swapped_blocks;
    loads += spans.pools[0].variant_loads;
    spans_saved += spans.output_served;
    cached += spans.cached_tokens;
  }
  for (const std::int64_t n : orders) CHECK(n > 50);
  CHECK(preemptions > 1000);
  CHECK(swapped > 1000);
  CHECK(loads > 1000);
  CHECK(spans_saved > 1'000'000);
  CHECK(cached > 100'000);
}

namespace {

/// Runs a batcher by itself: arrivals between steps, spans of any length, everything checked in between.
struct Driven {
  explicit Driven(std::uint64_t seed) : random(seed, 1, StreamPurpose::jitter) {}

  void arrive() {
    Slot slot = kNoSlot;
    const auto input = static_cast<std::int32_t>(1 + random.below(200));
    const Standing standing{static_cast<std::uint8_t>(random.below(4)),
                            static_cast<std::uint16_t>(random.below(std::max(1, spec.scheduling.variants.count))),
                            static_cast<std::int64_t>(random.below(50))};
    const auto verdict = batcher->enqueue(input, static_cast<std::int32_t>(1 + random.below(100)), slot, 0, standing);
    if (verdict != Batcher::Verdict::accepted) return;
    ++accepted;
    std::vector<std::uint64_t> hashes;
    const std::uint64_t prompt = random.below(3);
    for (int i = 0; i < input / spec.kv_block_tokens / spec.prefix_pages; ++i)
      hashes.push_back(100 * prompt + static_cast<std::uint64_t>(i));
    if (spec.prefix_cache) batcher->set_prefix(slot, std::move(hashes));
  }
  bool step() {
    const StepPlan plan = batcher->plan(++now);
    if (plan.empty()) return drop_held();
    REQUIRE((!plan.has_transfers() || plan.repeats == 1));
    batcher->complete(1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(plan.repeats))));
    for (const Slot slot : batcher->finished()) {
      REQUIRE(batcher->sequence(slot).generated == batcher->sequence(slot).output);
      ++finished;
      if (spec.hold_finished) held.push_back(slot);
      else batcher->release(slot);
    }
    batcher->check();
    if (random.below(4) == 0) drop_held();
    return true;
  }
  bool drop_held() {
    const bool any = !held.empty();
    for (const Slot slot : std::exchange(held, {})) {
      batcher->drop(slot);
      batcher->check();
      batcher->release(slot);
    }
    return any;
  }

  RandomStream random;
  BatcherSpec spec;
  std::unique_ptr<Batcher> batcher;
  std::vector<Slot> held;  // finished, with their blocks
  Ticks now = 0;
  std::int64_t accepted = 0, finished = 0;
};

}  // namespace

TEST_CASE("blocks and sequences add up after every step, shared and held ones included, and nobody is left behind") {
  std::int64_t reused = 0, swapped = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Driven d(seed);
    d.spec = random_pool(d.random).batcher;
    d.spec.step_seconds = [](const StepSums& s) {  // made up, for bounds on steps
      return 2e-4 + 5e-6 * static_cast<double>(s.prefill_tokens) + 1e-5 * static_cast<double>(s.decode_sequences);
    };
    d.spec.hold_finished = d.random.below(3) == 0;
    d.batcher = Batcher::make(d.spec);
    for (int i = 0; i < 150; ++i) {
      for (auto arrivals = d.random.below(3); arrivals > 0; --arrivals) d.arrive();
      d.step();
    }
    while (d.step()) {
    }
    REQUIRE(d.finished == d.accepted);
    REQUIRE(d.batcher->kv().free() == d.batcher->kv().total());
    reused += d.batcher->reused_tokens();
    swapped += d.batcher->swapped_blocks();
  }
  CHECK(reused > 1000);
  CHECK(swapped > 1000);
}
