#pragma once
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

namespace tokenfab {

/// The KV pages that hold a known prompt prefix, found by the chained hash of their tokens. Pages in use by running
/// sequences are counted; unused ones stay, least recently used first to go, until their memory is wanted.
/// Identifies pages by ids that are never reused; where they lie is an engine's affair.
class PrefixIndex {
 public:
  /// How many leading hashes are known.
  std::int64_t match(const std::vector<std::uint64_t>& hashes) const;
  /// How many of the first `count` are not in use.
  std::int64_t unused(const std::vector<std::uint64_t>& hashes, std::int64_t count) const;

  /// A sequence begins to use a known page. Returns its id.
  std::int64_t acquire(std::uint64_t hash);
  std::int64_t id(std::uint64_t hash) const { return pages_.at(hash).id; }
  /// A sequence's own page becomes known, in use by that sequence. Returns its id, or -1 where the hash is known.
  std::int64_t publish(std::uint64_t hash);
  /// A sequence ceases to use a page. Returns true where nobody uses it now.
  bool release(std::uint64_t hash);

  std::int64_t unused() const { return static_cast<std::int64_t>(unused_.size()); }
  std::int64_t in_use() const { return static_cast<std::int64_t>(pages_.size()) - unused(); }
  /// Forgets the page that has been unused longest. Returns its id.
  std::int64_t evict();

 private:
  struct Page {
    std::int64_t id = 0, users = 0;
    std::list<std::uint64_t>::iterator place;  // in unused_, where users == 0
  };
  std::unordered_map<std::uint64_t, Page> pages_;
  std::list<std::uint64_t> unused_;  // longest unused first
  std::int64_t next_id_ = 0;
};

}  // namespace tokenfab
