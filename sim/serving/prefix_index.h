#pragma once
#include <cstdint>
#include <list>
#include <unordered_map>

#include "base/time.h"

namespace tokenfab {

/// The blocks of KV pages that hold a known prompt prefix, found by the chained hash of their tokens. Blocks in use by
/// running sequences are counted; unused ones stay, least recently used first to go, until their memory is wanted.
/// Identifies blocks by ids that are never reused; where they lie is an engine's affair. Times are only compared:
/// an unused block released before `oldest` is as good as forgotten.
class PrefixIndex {
 public:
  enum class State { unknown, unused, used };
  State state(std::uint64_t hash, Ticks oldest = kForever) const;

  /// A sequence begins to use a known block. Returns its id.
  std::int64_t acquire(std::uint64_t hash);
  std::int64_t id(std::uint64_t hash) const { return blocks_.at(hash).id; }
  /// A sequence's own block becomes known, in use by that sequence. Returns its id, or -1 where the hash is known.
  std::int64_t publish(std::uint64_t hash, Ticks oldest = kForever);
  /// A sequence ceases to use a block. Returns true where nobody uses it now. `now` never decreases.
  bool release(std::uint64_t hash, Ticks now = 0);

  std::int64_t unused() const { return static_cast<std::int64_t>(unused_.size()); }
  std::int64_t in_use() const { return static_cast<std::int64_t>(blocks_.size()) - unused(); }

  struct Evicted {
    std::uint64_t hash;
    std::int64_t id;
    Ticks released;
  };
  /// Forgets the block that has been unused longest.
  Evicted evict();

  static constexpr Ticks kForever = INT64_MIN;  // no block is older

 private:
  struct Block {
    std::int64_t id = 0, users = 0;
    Ticks released = 0;
    std::list<std::uint64_t>::iterator place;  // in unused_, where users == 0
  };
  std::unordered_map<std::uint64_t, Block> blocks_;
  std::list<std::uint64_t> unused_;  // longest unused first
  std::int64_t next_id_ = 0;
};

}  // namespace tokenfab
