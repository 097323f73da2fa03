// The batcher's part that knows which prompt pages are shared.
#include <algorithm>

#include "base/error.h"
#include "sim/serving/batcher.h"

namespace tokenfab {

void Batcher::set_prefix(Slot slot, std::vector<std::uint64_t> hashes) {
  require(spec_.prefix_cache && at(slot).computed == 0, "a prefix is set before its prompt is computed");
  prefixes_[slot].hashes = std::move(hashes);
}

void Batcher::log(KvEvent::Kind kind, Slot slot, std::int64_t page, std::int64_t id) {
  if (spec_.log_kv) kv_events_.push_back({kind, slot, page, id});
}

Batcher::Admission Batcher::admission(std::int64_t budget) const {
  const Slot slot = waiting_.front();
  const Sequence& s = sequences_[slot];
  Admission a;
  std::int64_t unused = 0;
  if (spec_.prefix_cache && !s.swapped) {
    const Prefix& prefix = prefixes_[slot];
    const std::int64_t page = kv_.block_tokens();
    // At least one token is computed, for its logits.
    a.cached = std::min(index_.match(prefix.hashes) * page, prompt_left(s) - 1);
    unused = index_.unused(prefix.hashes, a.cached / page);
  }
  a.tokens = std::min(prompt_left(s) - a.cached, budget);
  Sequence after = s;
  after.computed += a.cached + a.tokens;
  a.blocks = kv_.blocks_at(held_length(after)) - (a.cached > 0 ? a.cached / kv_.block_tokens() : 0) + unused;
  return a;
}

void Batcher::admit(const Admission& admission) {
  const Slot slot = pop_waiting();
  add_running(slot);
  if (at(slot).swapped) swap_in(slot);
  if (admission.cached > 0) share_prefix(slot, admission.cached);
  add_chunk(slot, admission.tokens);
}

/// Whole known pages are used as they are; a page known only up to `cached` tokens is copied, since it will be
/// written into.
void Batcher::share_prefix(Slot slot, std::int64_t cached) {
  Prefix& prefix = prefixes_[slot];
  const std::int64_t page = kv_.block_tokens(), before = index_.unused();
  for (; (prefix.shared + 1) * page <= cached; ++prefix.shared) {
    const std::uint64_t hash = prefix.hashes[static_cast<std::size_t>(prefix.shared)];
    log(KvEvent::Kind::reuse, slot, prefix.shared, index_.acquire(hash));
  }
  std::int64_t blocks = before - index_.unused();
  if (cached % page != 0) {
    const std::uint64_t hash = prefix.hashes[static_cast<std::size_t>(prefix.shared)];
    log(KvEvent::Kind::copy, slot, prefix.shared, index_.id(hash));
    prefix.closed = true;
    ++blocks;
  }
  take(blocks);
  at(slot).computed = cached;
  reused_ += cached;
}

void Batcher::publish_pages(Slot slot) {
  Prefix& prefix = prefixes_[slot];
  const std::int64_t known = static_cast<std::int64_t>(prefix.hashes.size());
  const std::int64_t whole = std::min(at(slot).computed / kv_.block_tokens(), known);
  for (; !prefix.closed && prefix.shared < whole; ++prefix.shared) {
    const std::int64_t id = index_.publish(prefix.hashes[static_cast<std::size_t>(prefix.shared)]);
    if (id < 0) {
      prefix.closed = true;  // another sequence computed the same page meanwhile; this one keeps its own
      return;
    }
    log(KvEvent::Kind::publish, slot, prefix.shared, id);
  }
}

/// The blocks of a sequence that ends or is preempted. The last page of a prefix becomes the first to be evicted.
void Batcher::give_back(Slot slot, std::int64_t blocks) {
  const std::int64_t shared = shared_pages(slot);
  kv_.give(blocks - shared);
  if (spec_.prefix_cache) {
    Prefix& prefix = prefixes_[slot];
    while (prefix.shared > 0)
      if (index_.release(prefix.hashes[static_cast<std::size_t>(--prefix.shared)])) kv_.give(1);
    prefix.closed = false;
  }
  log(KvEvent::Kind::drop, slot, 0, 0);
}

}  // namespace tokenfab
