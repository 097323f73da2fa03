#include "sim/serving/variant_cache.h"

#include "base/error.h"

namespace tokenfab {

VariantCache::VariantCache(ResidentVariants spec) : spec_(spec), of_(static_cast<std::size_t>(spec.count)) {
  require(spec.count == 0 || spec.slots >= 1, "variants need a slot");
}

void VariantCache::check(std::uint16_t variant) const {
  if (variant >= of_.size())
    throw UserError("a request asks for variant " + std::to_string(variant) + "; the pool's variants are 0 to " +
                    std::to_string(of_.size() - 1));
}

bool VariantCache::acquire(std::uint16_t variant) {
  Variant& v = of_[variant];
  ++users_;
  if (v.users++ > 0) return false;
  if (v.resident) {
    idle_.erase(v.idle);
    return false;
  }
  require(can_run(variant), "a variant is loaded into a slot that nobody uses");
  if (resident_ < spec_.slots) {
    ++resident_;
  } else {
    of_[idle_.front()].resident = false;
    idle_.pop_front();
  }
  v.resident = true;
  return true;
}

void VariantCache::release(std::uint16_t variant) {
  Variant& v = of_[variant];
  require(v.users > 0, "a variant is released by a sequence that runs on it");
  --users_;
  if (--v.users == 0) v.idle = idle_.insert(idle_.end(), variant);
}

}  // namespace tokenfab
