#include "sim/serving/cache_tiers.h"

#include "base/error.h"

namespace tokenfab {

CacheTiers::CacheTiers(std::vector<CacheTierSpec> tiers) {
  for (CacheTierSpec& spec : tiers) {
    require(spec.blocks >= 0 && spec.latency >= 0 && spec.per_block >= 0, "a cache tier has a size and takes time");
    tiers_.push_back({std::move(spec), {}, 0});
  }
}

int CacheTiers::find(std::uint64_t hash, Ticks oldest) const {
  const auto it = blocks_.find(hash);
  return it == blocks_.end() || it->second.used < oldest ? -1 : static_cast<int>(it->second.tier);
}

void CacheTiers::insert(std::uint64_t hash, Ticks used) {
  for (std::size_t t = 0; t < tiers_.size(); ++t) {
    Tier& tier = tiers_[t];
    if (tier.spec.blocks == 0) continue;
    blocks_[hash] = {t, used, tier.order.insert(tier.order.end(), hash)};
    ++tier.written;
    if (held(t) <= tier.spec.blocks) return;
    hash = tier.order.front();
    used = blocks_.at(hash).used;
    tier.order.pop_front();
    blocks_.erase(hash);
  }
}

void CacheTiers::forget(std::uint64_t hash) {
  const auto it = blocks_.find(hash);
  if (it == blocks_.end()) return;
  tiers_[it->second.tier].order.erase(it->second.place);
  blocks_.erase(it);
}

}  // namespace tokenfab
