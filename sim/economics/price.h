#pragma once
#include <string>

namespace tokenfab {

struct Price {
  double value = 0;
  std::string unit, source, as_of;
};

inline constexpr const char* kPerMillionTokens = "USD per million tokens";
inline constexpr const char* kPerUnitHour = "USD per unit-hour";      // of provisioned throughput
inline constexpr const char* kPerChipSecond = "USD per chip-second";  // of a chip's time

/// Pay-per-token list prices, USD per million tokens. input applies to input tokens that are not cached. cache_write
/// applies to those of them that the provider keeps for later prompts; without a source: as input.
struct TokenPlan {
  Price input, cached_input, output, cache_write = {};
};

}  // namespace tokenfab
