#pragma once
#include <string>

#include "base/json_object.h"
#include "hwmodels/types.h"

namespace tokenfab {

/// What a catalogue number measures; fixes the unit spellings that are accepted and the SI unit it is stored in.
enum class Quantity { flop_rate, bytes, byte_rate, seconds, watts, carbon, dollars, share, count };

/// Reads {"value", "unit", "source", "as_of"} at `key` and converts it to SI (kgCO2e and USD stay as they are).
/// `low` and `high` are the plausible SI range. Errors: UserError, one line with the JSON pointer, for a missing or
/// bare number, another unit, an empty source or as_of, an unknown key, or a value out of range.
Sourced read_quantity(const JsonObject& parent, const std::string& key, Quantity kind, double low, double high);

/// Non-empty string; errors as above.
std::string read_text(const JsonObject& object, const std::string& key);

}  // namespace tokenfab
