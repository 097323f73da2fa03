#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenfab {

/// Service tiers that a recorded response can name, by the number that requests carry: 0 = not said. Sources: the
/// service_tier fields of OpenAI's API (default, flex, priority, scale) and of Anthropic's (standard, priority, batch).
const std::vector<std::string>& service_tier_names();  // [0] is "": not said

/// The number of a tier's name; "default" and "auto" are "standard", "batches" is "batch". Nothing for other names.
std::optional<std::uint8_t> service_tier(const std::string& name);

}  // namespace tokenfab
