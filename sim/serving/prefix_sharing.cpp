// The batcher's part that knows which prompt blocks are shared.
#include <algorithm>

#include "base/error.h"
#include "sim/serving/batcher.h"

namespace tokenfab {
namespace {

constexpr std::size_t kChips = 0, kNowhere = SIZE_MAX;

}  // namespace

void Batcher::set_prefix(Slot slot, std::vector<std::uint64_t> hashes) {
  require(spec_.prefix_cache && at(slot).computed == 0, "a prefix is set before its prompt is computed");
  // A variant's cache is of no use to others.
  constexpr std::uint64_t kFar = 0x9E3779B97F4A7C15;
  if (spec_.scheduling.variants.count > 0)
    for (std::uint64_t& hash : hashes) hash += kFar * at(slot).variant;
  prefixes_[slot].hashes = std::move(hashes);
}

void Batcher::set_recorded_hits(Slot slot, std::int32_t tokens) {
  require(!spec_.prefix_cache && at(slot).computed == 0, "recorded hits are set before the prompt is computed");
  at(slot).recorded = tokens;
}

std::size_t Batcher::level_of(std::uint64_t hash) const {
  if (index_.state(hash, oldest()) != PrefixIndex::State::unknown) return kChips;
  const int tier = tiers_.find(hash, oldest());
  return tier < 0 ? kNowhere : static_cast<std::size_t>(tier) + 1;
}

/// Leading blocks that are found in any level.
std::int64_t Batcher::find_prefix(const Prefix& prefix) const {
  const auto missing = std::find_if(prefix.hashes.begin(), prefix.hashes.end(),
                                    [this](std::uint64_t hash) { return level_of(hash) == kNowhere; });
  return missing - prefix.hashes.begin();
}

Batcher::Admission Batcher::admission(std::int64_t budget) const {
  const Slot slot = waiting_.front();
  const Sequence& s = sequences_[slot];
  Admission a;
  std::int64_t in_use = 0;  // shared blocks that take no page of their own
  if (spec_.prefix_cache && !s.swapped) {
    const Prefix& prefix = prefixes_[slot];
    const std::int64_t block = prefix_block_tokens();
    // At least one token is computed, for its logits.
    a.cached = std::min(find_prefix(prefix) * block, prompt_left(s) - 1);
    in_use = std::count_if(prefix.hashes.begin(), prefix.hashes.begin() + a.cached / block,
                           [this](std::uint64_t hash) { return index_.state(hash) == PrefixIndex::State::used; });
  }
  if (!spec_.prefix_cache && !s.swapped) a.cached = std::min<std::int64_t>(s.recorded, prompt_left(s) - 1);
  a.tokens = std::min(prompt_left(s) - a.cached, budget);
  a.blocks = kv_.blocks_at(length_with(s, s.computed + a.cached + a.tokens)) - in_use * spec_.prefix_pages;
  return a;
}

void Batcher::admit(const Admission& admission) {
  const Slot slot = pop_waiting();
  add_running(slot);
  if (spec_.prefix_cache && at(slot).preemptions == 0) prefix_use_.looked_up += at(slot).input;
  if (at(slot).swapped) swap_in(slot);
  if (admission.cached > 0 && spec_.prefix_cache) share_prefix(slot, admission.cached);
  else if (admission.cached > 0) take_recorded(slot, admission.cached);
  add_chunk(slot, admission.tokens);
}

void Batcher::take_recorded(Slot slot, std::int64_t cached) {
  Sequence& s = at(slot);
  take(kv_.blocks_at(length_with(s, cached)));
  s.computed = cached;
  reused_ += cached;
  if (s.preemptions == 0) s.cached = static_cast<std::int32_t>(cached);
}

/// The slot's block becomes one that it shares. Returns the pages that this takes.
std::int64_t Batcher::adopt(Slot slot, std::int64_t block) {
  const std::uint64_t hash = prefixes_[slot].hashes[static_cast<std::size_t>(block)];
  const PrefixIndex::State state = index_.state(hash, oldest());
  if (state == PrefixIndex::State::unknown) {
    tiers_.forget(hash);
    require(index_.publish(hash, oldest()) >= 0, "a block that comes back is not there");
  } else {
    log(KvEvent::Kind::reuse, slot, block, index_.acquire(hash));
  }
  return state == PrefixIndex::State::used ? 0 : spec_.prefix_pages;
}

/// Whole known blocks are used as they are; one known only up to `cached` tokens is copied, since it will be written
/// into.
void Batcher::share_prefix(Slot slot, std::int64_t cached) {
  Prefix& prefix = prefixes_[slot];
  const std::int64_t block = prefix_block_tokens();
  std::vector<Hits> hits(1 + tiers_.count());
  std::int64_t pages = 0;
  for (; (prefix.shared + 1) * block <= cached; ++prefix.shared) {
    hits[level_of(prefix.hashes[static_cast<std::size_t>(prefix.shared)])].add(block);
    pages += adopt(slot, prefix.shared);
  }
  if (cached % block != 0) {
    const std::uint64_t hash = prefix.hashes[static_cast<std::size_t>(prefix.shared)];
    const std::size_t level = level_of(hash);
    hits[level].add(cached % block);
    if (level == kChips) log(KvEvent::Kind::copy, slot, prefix.shared, index_.id(hash));
    prefix.closed = true;
    pages += kv_.blocks_for(cached) - shared_pages(slot);
  }
  take(pages);
  at(slot).computed = cached;
  reused_ += cached;
  count_hits(slot, cached, hits);
}

/// Also sets the time that it takes to bring blocks from beyond the chips.
void Batcher::count_hits(Slot slot, std::int64_t cached, const std::vector<Hits>& by_level) {
  const bool first = at(slot).preemptions == 0;
  if (first) at(slot).cached = static_cast<std::int32_t>(cached);
  for (std::size_t level = 0; level < by_level.size(); ++level) {
    const Hits& hits = by_level[level];
    if (first) prefix_use_.hit_tokens[level] += hits.tokens;
    if (level == kChips || hits.blocks == 0) continue;
    const CacheTierSpec& tier = tiers_.spec(level - 1);
    plan_.transfer += tier.latency + hits.blocks * tier.per_block;
    prefix_use_.read_blocks[level] += hits.blocks;
  }
}

void Batcher::publish_pages(Slot slot) {
  Prefix& prefix = prefixes_[slot];
  const std::int64_t known = static_cast<std::int64_t>(prefix.hashes.size());
  const std::int64_t whole = std::min(at(slot).computed / prefix_block_tokens(), known);
  for (; !prefix.closed && prefix.shared < whole; ++prefix.shared) {
    const std::uint64_t hash = prefix.hashes[static_cast<std::size_t>(prefix.shared)];
    const std::int64_t id = index_.publish(hash, oldest());
    if (id < 0) {
      prefix.closed = true;  // another sequence computed the same block meanwhile; this one keeps its own
      return;
    }
    tiers_.forget(hash);
    log(KvEvent::Kind::publish, slot, prefix.shared, id);
  }
}

/// The blocks of a sequence that ends or is preempted. The last block of a prefix becomes the first to be evicted.
void Batcher::give_back(Slot slot, std::int64_t blocks) {
  const std::int64_t shared = shared_pages(slot);
  kv_.give(blocks - shared);
  if (spec_.prefix_cache) {
    Prefix& prefix = prefixes_[slot];
    while (prefix.shared > 0)
      if (index_.release(prefix.hashes[static_cast<std::size_t>(--prefix.shared)], now_)) kv_.give(spec_.prefix_pages);
    prefix.closed = false;
  }
  log(KvEvent::Kind::drop, slot, 0, 0);
}

}  // namespace tokenfab
