#pragma once
#include <cstdint>
#include <vector>

#include "reports/sqlite.h"
#include "sim/core/records.h"

namespace tokenfab {

/// Tables pool, usage, step_time, cache_level and error_band of a run.
void write_pools(sqlite::Connection& db, std::int64_t run, const std::vector<PoolUsage>& pools);
std::vector<PoolUsage> read_pools(sqlite::Connection& db, std::int64_t run);

}  // namespace tokenfab
