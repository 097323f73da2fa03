// Prefix caches in simulation against closed forms.
#include "base/error.h"
#include "base/rng.h"
#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/prefixes.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

constexpr Ns kGap = 1'000'000;  // each request is alone: its steps take far less

/// `families` of prompts of 4 blocks of 64 tokens, asked for in turn, `rounds` times; one output token.
PrefixLoad in_turn(std::uint64_t families, int rounds) {
  PrefixLoad load;
  for (int round = 0; round < rounds; ++round)
    for (std::uint64_t f = 0; f < families; ++f)
      load.add(kGap * static_cast<Ns>(load.requests.size()), 257, 1, {10 * f, 10 * f + 1, 10 * f + 2, 10 * f + 3});
  return load;
}

/// Room for one such prompt at a time: 17 pages of 16 tokens, and 3 to spare.
PoolSpec narrow_pool(std::int64_t tier_blocks) {
  PoolSpec pool = caching_pool(20);
  pool.prefix_block_bytes = 1000;
  if (tier_blocks >= 0) pool.batcher.tiers = {{"host", tier_blocks, 0, 0}};
  return pool;
}

}  // namespace

TEST_CASE("one shared prompt of P tokens and S of their own: all but the first request find P of P + S") {
  constexpr std::int32_t kPrompt = 256, kOwn = 192, kRequests = 50;
  PrefixLoad load;
  for (int i = 0; i < kRequests; ++i) load.add(kGap * i, kPrompt + kOwn, 3, {});
  PoolSpec pool = caching_pool(100'000);
  pool.prefix.shared_tokens = kPrompt;
  const RunRecord r = run_load(pool, load);
  CHECK(r.served == kRequests);
  CHECK(hit_tokens(r) == (kRequests - 1) * kPrompt);
  CHECK(r.pools[0].prompt_tokens_looked_up == kRequests * (kPrompt + kOwn));
  CHECK(prefilled_tokens(r) == load.input_tokens() - hit_tokens(r));
  CHECK(r.cached_tokens == hit_tokens(r));
  CHECK(r.pools[0].cached_tokens == hit_tokens(r));
  for (const RequestRow& row : r.rows) CHECK(row.cached_tokens == (row.id == 0 ? 0 : kPrompt));
}

TEST_CASE("at least one token of a prompt is computed, and a block that is not whole is not shared") {
  PrefixLoad load;
  for (int i = 0; i < 3; ++i) load.add(kGap * i, 128, 1, {7, 8});
  load.add(kGap * 3, 127, 1, {7, 8});
  const RunRecord r = run_load(caching_pool(1000), load);
  CHECK(r.rows[1].cached_tokens == 127);
  CHECK(r.rows[2].cached_tokens == 127);
  CHECK(r.rows[3].cached_tokens == 64);
  CHECK(r.pools[0].kv_blocks == 1000);
}

TEST_CASE("without a prefix cache hashes change nothing, and what a trace says was cached is not computed") {
  PrefixLoad load = in_turn(2, 2);
  load.requests[1].cached_tokens = 33;
  PoolSpec pool = caching_pool(1000);
  pool.batcher.prefix_cache = false;
  pool.batcher.prefix_pages = 1;
  pool.prefix = {};
  const RunRecord r = run_load(pool, load);
  CHECK(r.cached_tokens == 33);
  CHECK(r.pools[0].prefix_cache.empty());
  CHECK(prefilled_tokens(r) == load.input_tokens() - 33);
  // One token at least is computed; a policy without a cache between steps computes them all.
  load.requests[1].cached_tokens = load.requests[1].input_tokens;
  CHECK(run_load(pool, load).cached_tokens == load.requests[1].input_tokens - 1);
  pool.batcher.policy = "static";
  CHECK(run_load(pool, load).cached_tokens == 0);
}

TEST_CASE("more room in a tier never finds less, none finds nothing, enough finds all that was seen") {
  constexpr std::uint64_t kFamilies = 6;
  constexpr int kRounds = 5;
  const PrefixLoad load = in_turn(kFamilies, kRounds);
  CHECK(hit_tokens(run_load(narrow_pool(-1), load)) == 0);
  CHECK(hit_tokens(run_load(narrow_pool(0), load)) == 0);
  // Taken in turn, LRU finds a prefix only where all the others fit beside it; half of them are as good as none.
  std::int64_t before = 0;
  for (std::int64_t blocks = 0; blocks <= 30; ++blocks) {
    CAPTURE(blocks);
    const RunRecord r = run_load(narrow_pool(blocks), load);
    CHECK(hit_tokens(r) >= before);
    CHECK(prefilled_tokens(r) == load.input_tokens() - hit_tokens(r));
    before = hit_tokens(r);
  }
  const std::int64_t seen = static_cast<std::int64_t>(kFamilies) * (kRounds - 1) * 256;
  CHECK(before == seen);
  const RunRecord r = run_load(narrow_pool(30), load);
  CHECK(r.pools[0].prefix_cache[1].level == "host");
  CHECK(r.pools[0].prefix_cache[1].hit_tokens == seen);
  CHECK(r.pools[0].prefix_cache[1].read_bytes == 1000.0 * static_cast<double>(seen) / 64);
  // Every prompt but the last was pushed out by the next.
  CHECK(r.pools[0].prefix_cache[1].written_bytes == 1000.0 * 4 * (kFamilies * kRounds - 1));
}

TEST_CASE("what one tier gives up is found in the next") {
  const PrefixLoad load = in_turn(6, 4);
  PoolSpec pool = narrow_pool(-1);
  pool.batcher.tiers = {{"host", 8, 0, 0}, {"ssd", 0, 0, 0}, {"remote", 22, 0, 0}};
  const RunRecord r = run_load(pool, load);
  const auto& levels = r.pools[0].prefix_cache;
  REQUIRE(levels.size() == 4);
  CHECK(hit_tokens(r) == 6 * 3 * 256);
  CHECK(levels[0].hit_tokens + levels[1].hit_tokens + levels[2].hit_tokens == 0);  // the oldest are farthest down
  CHECK(levels[3].hit_tokens == 6 * 3 * 256);
}

TEST_CASE("a hit beyond the chips delays the first token by latency + blocks x time of one") {
  const auto first_token = [](Ticks latency, Ticks per_block) {
    PoolSpec pool = narrow_pool(30);
    pool.executor = nullptr;
    Deployment d = deployment(llama_8b(), ideal_engine());
    pool.model = std::make_shared<StepModel>(d);
    pool.batcher.tiers[0].latency = latency;
    pool.batcher.tiers[0].per_block = per_block;
    const RunRecord r = run_load(pool, in_turn(2, 2));
    return std::pair{r.rows[2].first_token, r.pools[0]};
  };
  const auto [free_of_cost, idle] = first_token(0, 0);
  const auto [delayed, pool] = first_token(ticks_from_ns(10'000), ticks_from_ns(2'000));
  CHECK(delayed - free_of_cost == 10'000 + 4 * 2'000);
  const auto read = [](const PoolUsage& u) {
    double seconds = 0;
    for (const StepTimeRow& row : u.step_time) seconds += row.op_class == "cache_read" ? row.seconds : 0;
    return seconds;
  };
  CHECK(read(idle) == 0);
  CHECK(read(pool) == Approx(2 * 18e-6));
  CHECK(pool.prefill_busy_seconds - idle.prefill_busy_seconds == Approx(2 * 18e-6).epsilon(1e-6));
  CHECK(pool.dynamic_energy_j > idle.dynamic_energy_j);
}

TEST_CASE("blocks unused for longer than their life are forgotten, in every level") {
  for (const std::int64_t pages : {20, 1000}) {  // the second prompt finds the first in the tier, on the chips
    CAPTURE(pages);
    for (const auto& [gap, hits] : {std::pair<Ns, int>{900'000, 256}, {1'100'000, 0}}) {
      PrefixLoad load;
      load.add(0, 257, 1, {1, 2, 3, 4});
      load.add(10'000, 257, 1, {5, 6, 7, 8});
      load.add(1000 + gap, 257, 1, {1, 2, 3, 4});
      load.add(1000 + gap + 10'000, 257, 1, {1, 2, 3, 4});  // the one before renewed it
      PoolSpec pool = narrow_pool(30);
      pool.batcher.kv_blocks = pages;
      pool.batcher.prefix_life = ticks_from_ns(1'000'000);
      const RunRecord r = run_load(pool, load);
      CHECK(r.rows[2].cached_tokens == hits);
      CHECK(r.rows[3].cached_tokens == 256);
    }
  }
}

TEST_CASE("more hashes than a prompt has blocks are refused with what to set") {
  PrefixLoad load;
  load.add(0, 130, 1, {1, 2, 3, 4});
  CHECK_THROWS_WITH(run_load(caching_pool(1000), load),
                    "s.json: /pools/0/prefix_cache: request 0 brings 4 prefix hashes for a prompt of 130 tokens, more "
                    "than there are blocks of 64; set \"block_tokens\" to what the workload's hashes cover");
}

TEST_CASE("shared prompts are asked for by their share and Zipf's law, and are the same for every pool and run") {
  constexpr int kRequests = 40'000;
  PrefixSpec spec;
  spec.block_tokens = 64;
  spec.shared_tokens = 128;
  spec.shared_share = 0.6;
  spec.shared_prompts = 3;
  spec.shared_zipf = 1;
  const PromptPrefix prefixes(spec, 5, 0), again(spec, 5, 0);
  std::map<std::uint64_t, int> asked;
  int none = 0;
  for (int i = 0; i < kRequests; ++i) {
    Request r;
    r.id = i;
    r.input_tokens = 200;
    const auto prefix = prefixes.of(r, {});
    if (prefix.empty()) {
      ++none;
      continue;
    }
    REQUIRE(prefix.size() == 2);
    CHECK(prefix[0] + 1 == prefix[1]);
    CHECK(again.of(r, {})[0] == prefix[0]);
    ++asked[prefix[0]];
    r.input_tokens = 100;
    CHECK(prefixes.of(r, {}).size() == 1);
  }
  const auto near = [](double share) { return Approx(share * kRequests).margin(4 * std::sqrt(share * kRequests)); };
  CHECK(none == near(0.4));
  REQUIRE(asked.size() == 3);
  int i = 0;
  for (const auto& [hash, count] : asked) CHECK(count == near(0.6 * 6 / 11 / ++i));
}
