#pragma once
#include <cstdint>
#include <optional>

#include "reports/sqlite.h"
#include "sim/core/fleet_record.h"

namespace tokenfab {

/// Tables fleet, pool_fleet, region_flow and replica_count of a run; no rows without a fleet.
void write_fleet(sqlite::Connection& db, std::int64_t run, const std::optional<FleetStats>& fleet);
std::optional<FleetStats> read_fleet(sqlite::Connection& db, std::int64_t run);

}  // namespace tokenfab
