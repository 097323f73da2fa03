#include "sim/fleet/cache_router.h"

#include <algorithm>

#include "base/error.h"
#include "sim/serving/prefix_index.h"

namespace tokenfab {
namespace {

std::int64_t match(const CacheTiers& sent, std::span<const std::uint64_t> prefix) {
  const auto missing = std::find_if(prefix.begin(), prefix.end(),
                                    [&](std::uint64_t hash) { return sent.find(hash, PrefixIndex::kForever) < 0; });
  return missing - prefix.begin();
}

}  // namespace

std::size_t least_outstanding(std::size_t replicas, const Router::Load& outstanding) {
  std::size_t best = 0;
  std::int64_t least = outstanding(0);
  for (std::size_t i = 1; i < replicas && least > 0; ++i) {
    const std::int64_t load = outstanding(i);
    if (load < least) best = i, least = load;
  }
  return best;
}

CacheAwareRouter::CacheAwareRouter(const std::vector<std::int64_t>& cached_blocks) {
  for (const std::int64_t blocks : cached_blocks) sent_.emplace_back(std::vector{CacheTierSpec{"sent", blocks, 0, 0}});
}

bool CacheAwareRouter::balanced(std::size_t replicas, const Load& outstanding) const {
  std::int64_t least = outstanding(0), most = least;
  for (std::size_t i = 1; i < replicas; ++i) {
    least = std::min(least, outstanding(i));
    most = std::max(most, outstanding(i));
  }
  return most - least <= kApart || static_cast<double>(most) <= kFactor * static_cast<double>(least);
}

/// Leaves first, so that a prompt's first block is forgotten last.
void CacheAwareRouter::remember(CacheTiers& sent, std::span<const std::uint64_t> prefix) {
  for (auto hash = prefix.rbegin(); hash != prefix.rend(); ++hash) {
    sent.forget(*hash);
    sent.insert(*hash, 0);
  }
}

std::size_t CacheAwareRouter::pick(std::size_t replicas, const Load& outstanding,
                                   std::span<const std::uint64_t> prefix) {
  require(replicas <= sent_.size(), "a cache-aware router knows its replicas");
  std::size_t best = least_outstanding(replicas, outstanding);
  if (!prefix.empty() && balanced(replicas, outstanding)) {
    std::int64_t longest = match(sent_[best], prefix);
    for (std::size_t i = 0; i < replicas; ++i) {
      const std::int64_t found = match(sent_[i], prefix);
      const bool better = found > longest || (found == longest && outstanding(i) < outstanding(best));
      if (better) best = i, longest = found;
    }
  }
  remember(sent_[best], prefix);
  return best;
}

}  // namespace tokenfab
