#pragma once
#include <optional>
#include <string>
#include <vector>

#include "hwmodels/types.h"

namespace tokenfab {

/// "bf16", "fp8", ...
const std::string& name_of(Dtype dtype);
/// Nothing where the name is none of dtype_names().
std::optional<Dtype> dtype_named(const std::string& name);
const std::vector<std::string>& dtype_names();

}  // namespace tokenfab
