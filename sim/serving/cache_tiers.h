#pragma once
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"

namespace tokenfab {

/// A memory behind the chips' own in which prefix blocks are kept: host DRAM, SSD, a remote store.
struct CacheTierSpec {
  std::string name;
  std::int64_t blocks = 0;  // prefix blocks that fit, of one replica
  Ticks latency = 0;        // until the first byte of a sequence's blocks comes
  Ticks per_block = 0;      // time to bring one block to the chips
};

/// Prefix blocks evicted from the chips' memory, by hash. Exclusive levels: a block lies in one of them; what a level
/// evicts goes to the next, so that together they are one list, least recently used last, cut into pieces. Within a
/// level the order is that of the last use.
class CacheTiers {
 public:
  explicit CacheTiers(std::vector<CacheTierSpec> tiers);

  /// The tier that holds a block last used at `oldest` or later; -1: none.
  int find(std::uint64_t hash, Ticks oldest) const;
  /// The chips' memory gave up a block last used at `used`; not older than those before it.
  void insert(std::uint64_t hash, Ticks used);
  /// The block is back in the chips' memory.
  void forget(std::uint64_t hash);

  std::size_t count() const { return tiers_.size(); }
  const CacheTierSpec& spec(std::size_t tier) const { return tiers_[tier].spec; }
  std::int64_t held(std::size_t tier) const { return static_cast<std::int64_t>(tiers_[tier].order.size()); }
  std::int64_t written(std::size_t tier) const { return tiers_[tier].written; }  // blocks that came in so far

 private:
  struct Tier {
    CacheTierSpec spec;
    std::list<std::uint64_t> order;  // longest unused first
    std::int64_t written = 0;
  };
  struct Block {
    std::size_t tier;
    Ticks used;
    std::list<std::uint64_t>::iterator place;
  };
  std::vector<Tier> tiers_;
  std::unordered_map<std::uint64_t, Block> blocks_;
};

}  // namespace tokenfab
