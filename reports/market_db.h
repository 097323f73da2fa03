#pragma once
#include <string>

#include "sim/core/market_record.h"

namespace tokenfab {

/// Appends a market to a results file (the market_* tables of reports/schema.sql), which is created where it is not
/// there, in one transaction. Errors: UserError, one line with the path.
void write_market(const std::string& path, const std::string& version, const MarketRecord& record);

}  // namespace tokenfab
