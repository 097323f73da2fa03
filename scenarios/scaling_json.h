#pragma once
#include <string>
#include <vector>

#include "base/json_object.h"
#include "sim/core/records.h"
#include "sim/fleet/fleet_spec.h"

namespace tokenfab {

/// Reads a pool's "autoscale" (fleet_json.h). Defaults are added to `assumptions`. Errors: UserError at the pointer.
ScalingSpec read_scaling(const JsonObject& autoscale, std::vector<Assumption>& assumptions);

/// A number whose default, and its reason, is noted where it is taken.
double noted(const JsonObject& object, const std::string& key, double low, double high, double fallback,
             const std::string& why, std::vector<Assumption>& assumptions);

}  // namespace tokenfab
