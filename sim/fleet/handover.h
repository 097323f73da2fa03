#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/fleet/factory.h"
#include "sim/fleet/replica.h"
#include "sim/fleet/router.h"

namespace tokenfab {

/// Moves requests from prefill to decode replicas: to which, and when their cache is there. Replicas are numbered as
/// in the factory, pool by pool. A cache on its way belongs to its prefill replica, which holds its blocks; where it
/// waits for blocks of the decode replica, it waits beside the chips' memory, without limit.
class Handover {
 public:
  using Replicas = std::vector<std::unique_ptr<Replica>>;
  Handover(const std::vector<PoolSpec>& pools, const Replicas& replicas);

  /// The replicas that take arrivals: all but the decode pools'.
  const std::vector<std::uint32_t>& entries() const { return entries_; }
  /// Whether the request would find no decode replica that can ever hold it, if its prompt were computed by `replica`.
  bool strands(std::uint32_t replica, const Request& request) const {
    return !decode_.empty() && fits_nowhere(replica, request);
  }

  /// The prompt in `slot` of `from` is computed: its cache goes to the decode replica with the fewest requests inside
  /// or on their way (ties: the first). Returns when it is there.
  Ns start(std::uint32_t from, Slot slot);

  struct Delivery {
    std::uint32_t to = 0;
    bool changed = false;  // as Replica::arrive() returns
  };
  /// The cache is there: its prefill replica lets go and the decode replica takes it.
  Delivery deliver(std::uint32_t from, Slot slot, Ns now);

 private:
  bool fits_nowhere(std::uint32_t replica, const Request& request) const;

  struct Way {
    std::uint32_t to = 0;
    double bytes = 0;
  };
  const std::vector<PoolSpec>& pools_;
  const Replicas& replicas_;
  std::vector<std::size_t> pool_of_;  // each replica's
  std::vector<std::uint32_t> entries_;
  std::vector<std::vector<std::uint32_t>> decode_;  // replicas of each decode pool
  std::vector<KvLink> links_;                       // out of each replica
  std::vector<std::int64_t> coming_;                // caches on their way to each replica
  std::vector<std::vector<Way>> ways_;              // of caches on their way, by replica and slot
  std::vector<std::uint32_t> candidates_;
  std::unique_ptr<Router> router_;
};

}  // namespace tokenfab
