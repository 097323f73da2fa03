#pragma once
#include <cmath>

#include "sim/core/market_record.h"

namespace tokenfab::market {

inline constexpr MicroUsd kMicroPerUsd = 1'000'000;
inline constexpr double kLotTokens = 1e6;  // tokens are priced, and traded, by the million
inline constexpr double kHoursPerDay = 24, kHoursPerWeek = 168, kHoursPerYear = 8760;

/// Nearest whole number of micro-USD.
inline MicroUsd micro(double usd) { return std::llround(usd * static_cast<double>(kMicroPerUsd)); }
inline double in_usd(MicroUsd amount) { return static_cast<double>(amount) / static_cast<double>(kMicroPerUsd); }

/// What `tokens` cost at a price per million tokens, rounded to the nearest micro-USD.
inline MicroUsd charge(std::int64_t tokens, MicroUsd per_mtok) {
  return static_cast<MicroUsd>((Int128{tokens} * per_mtok + 500'000) / 1'000'000);
}

}  // namespace tokenfab::market
