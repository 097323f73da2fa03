#include "sim/fleet/handover.h"

#include "base/error.h"

namespace tokenfab {

Handover::Handover(const std::vector<PoolSpec>& pools, const Replicas& replicas)
    : pools_(pools),
      replicas_(replicas),
      links_(replicas.size()),
      coming_(replicas.size()),
      ways_(replicas.size()),
      router_(Router::make({})) {
  bool prefill = false;
  for (std::size_t p = 0; p < pools.size(); ++p) {
    prefill |= pools[p].role == PoolRole::prefill;
    require(pools[p].role == PoolRole::both || pools[p].batcher.policy != "static", "static batches are not split");
    auto& group = pools[p].role == PoolRole::decode ? decode_.emplace_back() : entries_;
    for (int r = 0; r < pools[p].slots(); ++r) {
      group.push_back(static_cast<std::uint32_t>(pool_of_.size()));
      pool_of_.push_back(p);
    }
  }
  require(prefill != decode_.empty(), "prefill and decode pools need each other");
}

bool Handover::fits_nowhere(std::uint32_t replica, const Request& request) const {
  if (pools_[pool_of_[replica]].role != PoolRole::prefill || request.output_tokens == 1) return false;
  for (const auto& pool : decode_)
    if (replicas_[pool.front()]->fits_cached(request)) return false;
  return true;
}

Ns Handover::start(std::uint32_t from, Slot slot) {
  const RunRecorder::Tracked& t = replicas_[from]->tracked(slot);
  candidates_.clear();
  for (const auto& pool : decode_)
    if (replicas_[pool.front()]->fits_cached(t.request))
      candidates_.insert(candidates_.end(), pool.begin(), pool.end());
  const std::uint32_t to = candidates_[router_->pick(
      candidates_.size(),
      [this](std::size_t i) { return replicas_[candidates_[i]]->outstanding() + coming_[candidates_[i]]; }, {})];
  const KvTransfer& transfer = pools_[pool_of_[to]].transfers.at(pool_of_[from]);
  ++coming_[to];
  if (slot >= ways_[from].size()) ways_[from].resize(slot + 1);
  ways_[from][slot] = {to, transfer.bytes(t.request.input_tokens)};
  return links_[from].send(transfer, t.request.input_tokens, t.scheduled, t.first_token);
}

Handover::Delivery Handover::deliver(std::uint32_t from, Slot slot, Ns now) {
  const Way way = ways_[from][slot];
  --coming_[way.to];
  return {way.to, replicas_[way.to]->arrive_cached(now, replicas_[from]->let_go(slot), way.bytes)};
}

}  // namespace tokenfab
