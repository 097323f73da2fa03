#include "hwmodels/dtype.h"

#include <algorithm>

namespace tokenfab {

const std::vector<std::string>& dtype_names() {
  static const std::vector<std::string> names(kDtypeNames.begin(), kDtypeNames.end());
  return names;
}

const std::string& name_of(Dtype dtype) { return dtype_names()[static_cast<std::size_t>(dtype)]; }

std::optional<Dtype> dtype_named(const std::string& name) {
  const auto& names = dtype_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Dtype>(found - names.begin());
}

}  // namespace tokenfab
