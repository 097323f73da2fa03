// Mooncake's public traces: hit rates of our caches against an independent replay and against published replays.
#include <cstdlib>
#include <unordered_set>

#include "sim/serving/cache_tiers.h"
#include "sim/serving/prefix_index.h"
#include "sim/workload/trace.h"
#include "tests/catch.h"
#include "tests/support/prefixes.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

constexpr std::int64_t kBlock = 512;

/// Empty, with a warning, where the traces are not there.
RequestBatch read_trace(const std::string& name) {
  RequestBatch all;
  const char* folder = std::getenv("TOKENFAB_DATA");
  if (!folder) {
    WARN("skipped: TOKENFAB_DATA is not set");
    return all;
  }
  TraceOptions o;
  o.path = std::string(folder) + "/traces/" + name;
  const auto source = open_trace(o);
  RequestBatch batch;
  for (source->read(batch, 4096); !batch.requests.empty(); source->read(batch, 4096)) {
    for (Request& r : batch.requests) r.hash_begin += static_cast<std::uint32_t>(all.hash_ids.size());
    all.requests.insert(all.requests.end(), batch.requests.begin(), batch.requests.end());
    all.hash_ids.insert(all.hash_ids.end(), batch.hash_ids.begin(), batch.hash_ids.end());
  }
  return all;
}

struct Rates {
  double blocks = 0, tokens = 0;
};

/// Every block of a request is touched, leaves first, after its leading blocks were looked up.
Rates replay(const RequestBatch& trace, std::vector<CacheTierSpec> tiers) {
  CacheTiers cache(std::move(tiers));
  std::int64_t blocks = 0, block_hits = 0, tokens = 0, token_hits = 0;
  for (const Request& r : trace.requests) {
    const std::span all(trace.hash_ids.data() + r.hash_begin, r.hash_count);
    std::int64_t found = 0;
    while (found < std::ssize(all) && cache.find(all[static_cast<std::size_t>(found)], PrefixIndex::kForever) >= 0)
      ++found;
    blocks += std::ssize(all);
    block_hits += found;
    tokens += r.input_tokens;
    token_hits += std::min<std::int64_t>(found * kBlock, r.input_tokens);
    for (auto hash = all.rbegin(); hash != all.rend(); ++hash) cache.forget(*hash), cache.insert(*hash, 0);
  }
  return {static_cast<double>(block_hits) / static_cast<double>(blocks),
          static_cast<double>(token_hits) / static_cast<double>(tokens)};
}

}  // namespace

TEST_CASE("Mooncake: block-LRU hit rates at every capacity, in one level or cut into three") {
  struct Golden {
    std::int64_t capacity;
    Rates conversation, synthetic;
  };
  // Independent replays of the public traces (LRU over blocks, leaves first), block 512.
  const std::vector<Golden> goldens = {
      {1'000'000, {0.3664, 0.3736}, {0.6396, 0.6512}}, {50'000, {0.3546, 0.3615}, {0.6396, 0.6512}},
      {30'000, {0.3257, 0.3322}, {0.6242, 0.6356}},    {10'000, {0.2116, 0.2157}, {0.4239, 0.4318}},
      {3'000, {0.0653, 0.0666}, {0.1906, 0.1942}},     {1'000, {0.0445, 0.0454}, {0.0841, 0.0857}}};
  const RequestBatch conversation = read_trace("mooncake_conversation_trace.jsonl.gz");
  const RequestBatch synthetic = read_trace("mooncake_synthetic_trace.jsonl.gz");
  if (conversation.requests.empty() || synthetic.requests.empty()) return;
  for (const Golden& g : goldens) {
    CAPTURE(g.capacity);
    const auto near = [](double rate) { return Approx(rate).epsilon(0).margin(0.00005001); };
    const std::int64_t part = g.capacity / 10;
    for (const auto& tiers : {std::vector<CacheTierSpec>{{"all", g.capacity, 0, 0}},
                              {{"a", part, 0, 0}, {"b", 2 * part, 0, 0}, {"c", g.capacity - 3 * part, 0, 0}}}) {
      const Rates c = replay(conversation, tiers), s = replay(synthetic, tiers);
      CHECK(c.blocks == near(g.conversation.blocks));
      CHECK(c.tokens == near(g.conversation.tokens));
      CHECK(s.blocks == near(g.synthetic.blocks));
      CHECK(s.tokens == near(g.synthetic.tokens));
    }
  }
}

TEST_CASE("Mooncake: a pool with room for everything finds what an unlimited cache of whole blocks holds") {
  const RequestBatch trace = read_trace("mooncake_conversation_trace.jsonl.gz");
  if (trace.requests.empty()) return;
  PrefixLoad load{trace.requests, trace.hash_ids};
  std::unordered_set<std::uint64_t> seen;
  std::int64_t expected = 0;
  for (std::size_t i = 0; i < load.requests.size(); ++i) {
    Request& r = load.requests[i];
    r.arrival = static_cast<Ns>(i) * 1'000'000;  // one after the other: each is done when the next comes
    r.output_tokens = 1;
    const std::uint64_t* hashes = load.hash_ids.data() + r.hash_begin;
    const std::int64_t whole = r.input_tokens / kBlock;
    std::int64_t found = 0;
    while (found < whole && seen.count(hashes[found])) ++found;
    expected += std::min<std::int64_t>(found * kBlock, r.input_tokens - 1);
    seen.insert(hashes, hashes + whole);
  }
  const RunRecord r = run_load(caching_pool(20'000'000, kBlock), load);
  CHECK(r.served == 12'031);
  CHECK(hit_tokens(r) == expected);
  CHECK(prefilled_tokens(r) == load.input_tokens() - expected);
  // The published rate of an unlimited cache also shares the blocks that end a prompt.
  const double rate = static_cast<double>(hit_tokens(r)) / static_cast<double>(r.pools[0].prompt_tokens_looked_up);
  CHECK(rate == Approx(0.3736).margin(0.01));
}
