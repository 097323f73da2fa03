#include "sim/core/service_tier.h"

#include <algorithm>

namespace tokenfab {

const std::vector<std::string>& service_tier_names() {
  static const std::vector<std::string> names = {"", "standard", "batch", "flex", "priority", "scale"};
  return names;
}

std::optional<std::uint8_t> service_tier(const std::string& name) {
  const std::string tier = name == "default" || name == "auto" ? "standard" : name == "batches" ? "batch" : name;
  const auto& names = service_tier_names();
  const auto at = std::find(names.begin() + 1, names.end(), tier);
  if (at == names.end()) return std::nullopt;
  return static_cast<std::uint8_t>(at - names.begin());
}

}  // namespace tokenfab
