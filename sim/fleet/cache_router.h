#pragma once
#include <vector>

#include "sim/fleet/router.h"
#include "sim/serving/cache_tiers.h"

namespace tokenfab {

/// The replica with the least outstanding; ties: lowest index.
std::size_t least_outstanding(std::size_t replicas, const Router::Load& outstanding);

/// As SGLang's cache-aware router: while the load is balanced, the replica that was sent the longest run of the
/// prompt's leading blocks (ties, and prompts seen nowhere: the least outstanding); else the least outstanding. Like
/// that router it does not look into replicas: it remembers the blocks of what it sent to each, least recently used
/// ones forgotten beyond what the replica can hold.
class CacheAwareRouter final : public Router {
 public:
  /// The load is out of balance where the most and the least outstanding differ by more than kApart requests and by
  /// more than the factor kFactor (balance_abs_threshold and balance_rel_threshold of SGLang's router; recalled).
  static constexpr std::int64_t kApart = 32;
  static constexpr double kFactor = 1.0001;

  explicit CacheAwareRouter(const std::vector<std::int64_t>& cached_blocks);
  std::size_t pick(std::size_t replicas, const Load& outstanding, std::span<const std::uint64_t> prefix) override;

 private:
  bool balanced(std::size_t replicas, const Load& outstanding) const;
  void remember(CacheTiers& sent, std::span<const std::uint64_t> prefix);

  std::vector<CacheTiers> sent_;  // by replica, one level each
};

}  // namespace tokenfab
