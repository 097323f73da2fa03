#pragma once
#include <cstdint>
#include <list>
#include <vector>

#include "sim/serving/scheduling.h"

namespace tokenfab {

/// Which variants are resident on a replica. A variant stays while sequences run on it; of the others, the one released
/// longest ago makes way.
class VariantCache {
 public:
  explicit VariantCache(ResidentVariants spec);

  /// Throws UserError where there is no such variant.
  void check(std::uint16_t variant) const;
  bool can_run(std::uint16_t variant) const {
    return of_[variant].resident || resident_ < spec_.slots || !idle_.empty();
  }
  /// One more sequence runs on the variant, which can run. Returns whether it had to be loaded.
  bool acquire(std::uint16_t variant);
  void release(std::uint16_t variant);
  std::int64_t users() const { return users_; }

 private:
  struct Variant {
    bool resident = false;
    std::int64_t users = 0;
    std::list<std::uint16_t>::iterator idle;  // where resident without users
  };
  ResidentVariants spec_;
  std::vector<Variant> of_;
  std::list<std::uint16_t> idle_;  // resident without users, released longest ago first
  std::int32_t resident_ = 0;
  std::int64_t users_ = 0;
};

}  // namespace tokenfab
