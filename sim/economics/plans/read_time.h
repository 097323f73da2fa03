#pragma once
#include <cstdint>
#include <string>

#include "base/json_object.h"

namespace tokenfab {

/// Minutes of the day from "HH:MM", on a quarter of an hour.
int read_time_of_day(const JsonObject& object, const std::string& key);
/// "above": one of kMeterBrackets.
std::int32_t read_bracket_bound(const JsonObject& object);

}  // namespace tokenfab
