#include "sim/serving/prefix_index.h"

#include "base/error.h"

namespace tokenfab {

PrefixIndex::State PrefixIndex::state(std::uint64_t hash, Ticks oldest) const {
  const auto it = blocks_.find(hash);
  if (it == blocks_.end()) return State::unknown;
  if (it->second.users > 0) return State::used;
  return it->second.released < oldest ? State::unknown : State::unused;
}

std::int64_t PrefixIndex::acquire(std::uint64_t hash) {
  Block& block = blocks_.at(hash);
  if (block.users++ == 0) unused_.erase(block.place);
  return block.id;
}

std::int64_t PrefixIndex::publish(std::uint64_t hash, Ticks oldest) {
  const auto [it, fresh] = blocks_.try_emplace(hash);
  Block& block = it->second;
  if (!fresh) {
    if (block.users > 0 || block.released >= oldest) return -1;
    unused_.erase(block.place);
  }
  block = {next_id_++, 1, 0, unused_.end()};
  return block.id;
}

bool PrefixIndex::release(std::uint64_t hash, Ticks now) {
  Block& block = blocks_.at(hash);
  require(block.users > 0, "a released prefix block was in use");
  if (--block.users > 0) return false;
  block.released = now;
  block.place = unused_.insert(unused_.end(), hash);
  return true;
}

PrefixIndex::Evicted PrefixIndex::evict() {
  require(!unused_.empty(), "an unused prefix block to evict");
  const auto it = blocks_.find(unused_.front());
  const Evicted out = {it->first, it->second.id, it->second.released};
  blocks_.erase(it);
  unused_.pop_front();
  return out;
}

}  // namespace tokenfab
