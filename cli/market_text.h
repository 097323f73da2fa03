#pragma once
#include <string>

#include "sim/core/market_record.h"

namespace tokenfab::cli {

/// A market's results as text tables.
std::string market_text(const MarketRecord& record);
/// All of it as one JSON object, amounts in USD; what does not exist is null.
std::string market_json(const MarketRecord& record);

}  // namespace tokenfab::cli
