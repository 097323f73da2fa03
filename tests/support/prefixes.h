#pragma once
#include <memory>
#include <vector>

#include "sim/fleet/factory.h"
#include "tests/support/sources.h"

namespace tokenfab::testing {

/// Requests that bring prefix hashes, built one by one.
struct PrefixLoad {
  std::vector<Request> requests;
  std::vector<std::uint64_t> hash_ids;

  void add(Ns arrival, std::int32_t input, std::int32_t output, const std::vector<std::uint64_t>& hashes) {
    Request r;
    r.arrival = arrival;
    r.id = static_cast<std::int64_t>(requests.size());
    r.input_tokens = input;
    r.output_tokens = output;
    r.hash_begin = static_cast<std::uint32_t>(hash_ids.size());
    r.hash_count = static_cast<std::uint32_t>(hashes.size());
    hash_ids.insert(hash_ids.end(), hashes.begin(), hashes.end());
    requests.push_back(r);
  }
  std::int64_t input_tokens() const {
    std::int64_t n = 0;
    for (const Request& r : requests) n += r.input_tokens;
    return n;
  }
};

/// A pool whose steps take 1 microsecond each, with a prefix cache of blocks of `block` tokens.
inline PoolSpec caching_pool(std::int64_t kv_blocks, std::int64_t block = 64) {
  PoolSpec pool;
  pool.name = "pool";
  pool.batcher.kv_blocks = kv_blocks;
  pool.batcher.token_budget = 1 << 20;
  pool.batcher.prefix_cache = true;
  pool.batcher.prefix_pages = block / pool.batcher.kv_block_tokens;
  pool.prefix.block_tokens = block;
  pool.prefix.where = "s.json: /pools/0/prefix_cache";
  pool.executor = [] { return std::make_unique<ConstantExecutor>(1000); };
  return pool;
}

inline RunRecord run_load(const PoolSpec& pool, const PrefixLoad& load, const std::string& router = "round-robin") {
  FactorySpec spec;
  spec.router = router;
  spec.pools = {pool};
  VectorSource source(load.requests, load.hash_ids);
  RunRecord record;
  record.keeps_rows = true;
  simulate(spec, source, record);
  return record;
}

inline std::int64_t hit_tokens(const RunRecord& r) {
  std::int64_t n = 0;
  for (const PoolUsage& pool : r.pools)
    for (const CacheLevelUsage& level : pool.prefix_cache) n += level.hit_tokens;
  return n;
}

inline std::int64_t prefilled_tokens(const RunRecord& r) {
  std::int64_t n = 0;
  for (const SeriesBin& bin : r.series.bins) n += bin.input_tokens;
  return n;
}

}  // namespace tokenfab::testing
