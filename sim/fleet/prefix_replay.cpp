#include "sim/fleet/prefix_replay.h"

#include <algorithm>
#include <unordered_set>

#include "sim/serving/prefix_index.h"

namespace tokenfab {
namespace {

class BlockCache {
 public:
  explicit BlockCache(std::int64_t capacity) : capacity_(capacity) {}

  std::int64_t visit(const std::vector<std::uint64_t>& hashes) {
    const auto missing = std::find_if(hashes.begin(), hashes.end(), [this](std::uint64_t hash) {
      return index_.state(hash) == PrefixIndex::State::unknown;
    });
    const std::int64_t hits = missing - hashes.begin();
    for (const std::uint64_t hash : hashes)
      if (index_.publish(hash) < 0) index_.acquire(hash);
    for (auto hash = hashes.rbegin(); hash != hashes.rend(); ++hash) index_.release(*hash);
    while (capacity_ > 0 && index_.unused() > capacity_) index_.evict();
    return hits;
  }

 private:
  std::int64_t capacity_;
  PrefixIndex index_;
};

void count(PrefixReplay& out, const Request& request, std::int64_t hits, std::int64_t block_tokens) {
  ++out.requests;
  out.blocks += request.hash_count;
  out.hit_blocks += hits;
  out.input_tokens += request.input_tokens;
  out.hit_tokens += std::min<std::int64_t>(hits * block_tokens, request.input_tokens);
}

}  // namespace

std::vector<PrefixReplay> replay_prefixes(RequestSource& source, const std::vector<std::int64_t>& capacities,
                                          std::int64_t block_tokens) {
  std::vector<PrefixReplay> out;
  std::vector<BlockCache> caches;
  for (const std::int64_t capacity : capacities) {
    out.emplace_back().capacity = capacity;
    caches.emplace_back(capacity);
  }
  std::unordered_set<std::uint64_t> distinct;
  std::vector<std::uint64_t> hashes;
  RequestBatch batch;
  for (source.read(batch, 4096); !batch.requests.empty(); source.read(batch, 4096)) {
    for (const Request& r : batch.requests) {
      const auto begin = batch.hash_ids.begin() + r.hash_begin;
      hashes.assign(begin, begin + r.hash_count);
      distinct.insert(hashes.begin(), hashes.end());
      for (std::size_t i = 0; i < caches.size(); ++i) count(out[i], r, caches[i].visit(hashes), block_tokens);
    }
  }
  for (PrefixReplay& r : out) r.distinct_blocks = static_cast<std::int64_t>(distinct.size());
  return out;
}

}  // namespace tokenfab
