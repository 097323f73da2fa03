// Prefix caches: spans and single steps agree to the nanosecond and to the byte moved, on random factories with scarce
// memory, lower tiers, lives, preemption and speculation; and blocks add up after every step.
#include <algorithm>
#include <cmath>

#include "hwmodels/speculation.h"
#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/prefixes.h"
#include "tests/support/runs.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

struct Case {
  PoolSpec pool;
  PrefixLoad load;
  std::string router;
  bool speculates = false;
};

std::int64_t draw(RandomStream& r, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(r.below(static_cast<std::uint64_t>(high - low + 1)));
}

/// A few trees of prompts: each branches off an earlier one, or begins anew.
PrefixLoad random_load(RandomStream& r, std::int64_t count, std::int64_t block, std::int64_t longest, double gap_s) {
  PrefixLoad load;
  std::vector<std::vector<std::uint64_t>> paths = {{}};
  std::uint64_t fresh = 1;
  Ns t = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (r.uniform() < 0.85) t += ns_from_seconds(gap_s * r.exponential());
    std::vector<std::uint64_t> path = paths[r.below(paths.size())];
    path.resize(r.below(path.size() + 1));
    const std::int64_t blocks = draw(r, 0, longest / block);
    while (std::ssize(path) < blocks) path.push_back(fresh++);
    if (std::ssize(path) > blocks && r.below(2)) path.resize(static_cast<std::size_t>(blocks));
    const std::int64_t input = std::max<std::int64_t>(1, std::ssize(path) * block + draw(r, 0, block - 1));
    load.add(t, static_cast<std::int32_t>(input), static_cast<std::int32_t>(draw(r, 1, longest / 2)), path);
    if (r.below(3) && !path.empty()) paths.push_back(path);
  }
  return load;
}

void add_speculation(RandomStream& r, Deployment& d) {
  Speculation s;
  s.depth = s.drafted = static_cast<int>(draw(r, 1, 4));
  for (int i = 0; i < s.depth; ++i) s.acceptance.push_back(r.uniform());
  d.token_budget += d.max_sequences * s.drafted;
  d.speculation = s;
}

Case random_case(std::uint64_t seed) {
  RandomStream r(seed, 0, StreamPurpose::jitter);
  Case c;
  Deployment d = deployment(llama_8b(), r.below(4) ? realistic_engine() : ideal_engine());
  d.llm.layers = 4;
  if (r.below(3) == 0) d.llm.window = WindowShape{static_cast<int>(draw(r, 1, 150)), static_cast<int>(draw(r, 1, 3))};
  d.max_sequences = draw(r, 1, 40);
  d.token_budget = d.max_sequences + draw(r, 1, 500);
  BatcherSpec& b = c.pool.batcher;
  b.policy = r.below(3) ? "chunked" : "prefill-first";
  c.speculates = r.below(3) == 0;
  if (c.speculates) add_speculation(r, d);
  c.pool.name = "pool";
  c.pool.model = std::make_shared<StepModel>(d);
  fit_to_model(c.pool);
  b.kv_blocks = draw(r, 40, 200);
  b.watermark_blocks = r.below(2) ? 0 : 2;
  b.max_waiting = r.below(4) ? 0 : 8;
  b.prefix_cache = true;
  b.prefix_pages = draw(r, 1, 3);
  b.prefix_life = r.below(2) ? 0 : ticks_from_seconds(std::pow(10.0, -3 + 3 * r.uniform()));
  c.pool.prefix.block_tokens = b.prefix_pages * b.kv_block_tokens;
  c.pool.prefix_block_bytes = 1e6;
  for (std::int64_t tiers = draw(r, 0, 3); tiers > 0; --tiers)
    b.tiers.push_back({"tier " + std::to_string(tiers), draw(r, 0, 60), ticks_from_seconds(1e-5 * r.uniform()),
                       ticks_from_seconds(1e-4 * r.uniform())});
  c.pool.replicas = static_cast<int>(draw(r, 1, 3));
  c.router = r.below(2) ? "cache-aware" : "least-outstanding";
  c.load = random_load(r, 150, c.pool.prefix.block_tokens, 400, std::pow(10.0, -3.5 + 3 * r.uniform()));
  return c;
}

RunRecord simulated(const Case& c, bool stepwise) {
  FactorySpec spec;
  spec.router = c.router;
  spec.pools = {c.pool};
  return run_factory(spec, c.load.requests, stepwise, c.load.hash_ids);
}

/// Hits of served requests add up, level by level, and nothing comes back from a tier that did not go there.
void require_adds_up(const RunRecord& r) {
  std::int64_t cached = 0, read = 0;
  for (const RequestRow& row : r.rows) {
    REQUIRE(row.cached_tokens < row.input_tokens);
    cached += row.cached_tokens;
  }
  REQUIRE(hit_tokens(r) == cached);
  REQUIRE(r.pools[0].cached_tokens == cached);
  REQUIRE(r.pools[0].prompt_tokens_looked_up == r.input_served);
  for (const CacheLevelUsage& level : r.pools[0].prefix_cache) read += level.read_bytes > 0;
  if (read > 0) REQUIRE(r.pools[0].prefix_cache[1].written_bytes + r.pools[0].prefix_cache.back().written_bytes > 0);
}

}  // namespace

TEST_CASE("spans equal single steps with prefix caches, tiers, lives, preemption and speculation") {
  std::int64_t preemptions = 0, hbm = 0, below = 0, speculations = 0, windows = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    const Case c = random_case(seed);
    const RunRecord spans = simulated(c, false);
    require_same(spans, simulated(c, true));
    require_adds_up(spans);
    preemptions += spans.pools[0].preemptions;
    hbm += spans.pools[0].prefix_cache[0].hit_tokens;
    below += hit_tokens(spans) - spans.pools[0].prefix_cache[0].hit_tokens;
    speculations += c.speculates;
    windows += c.pool.batcher.window.tokens > 0;
  }
  // The cases reach what they are meant to reach.
  CHECK(preemptions > 1000);
  CHECK(hbm > 100'000);
  CHECK(below > 50'000);
  CHECK(speculations > 50);
  CHECK(windows > 50);
}

TEST_CASE("after every step blocks in use are those of running sequences, shared ones once") {
  std::int64_t reused = 0, preempted = 0, shared_blocks = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    RandomStream r(seed, 1, StreamPurpose::jitter);
    Case c = random_case(seed);
    const auto batcher = Batcher::make(c.pool.batcher);
    const PromptPrefix prefixes(c.pool.prefix, 1, 0);
    std::size_t next = 0;
    Ticks now = 0;
    while (next < c.load.requests.size() || batcher->waiting() + batcher->running() > 0) {
      for (; next < c.load.requests.size() && r.below(3) > 0; ++next) {
        const Request& q = c.load.requests[next];
        Slot slot = kNoSlot;
        if (batcher->enqueue(q.input_tokens, q.output_tokens, slot) != Batcher::Verdict::accepted) continue;
        const auto prefix = prefixes.of(q, std::span(c.load.hash_ids).subspan(q.hash_begin, q.hash_count));
        batcher->set_prefix(slot, {prefix.begin(), prefix.end()});
      }
      if (batcher->plan(now).empty()) continue;
      now += ticks_from_ns(100'000) + batcher->current().transfer;
      const std::int64_t most = batcher->current().repeats;
      batcher->complete(draw(r, 1, most), now);
      REQUIRE(batcher->kv().free() >= batcher->unused_known_pages());
      batcher->check();
      for (const Slot slot : batcher->finished()) batcher->release(slot);
      for (std::size_t tier = 0; tier < batcher->tiers().count(); ++tier)
        REQUIRE(batcher->tiers().held(tier) <= batcher->tiers().spec(tier).blocks);
    }
    CHECK(batcher->kv().free() == batcher->kv().total());
    CHECK(batcher->unused_known_pages() % c.pool.batcher.prefix_pages == 0);
    reused += batcher->reused_tokens();
    preempted += batcher->preemptions();
    shared_blocks += c.pool.batcher.prefix_pages > 1;
  }
  CHECK(reused > 50'000);
  CHECK(preempted > 200);
  CHECK(shared_blocks > 50);
}
