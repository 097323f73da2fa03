#pragma once
#include <cstdint>

#include "reports/sqlite.h"
#include "sim/core/records.h"

namespace tokenfab {

/// Tables cost, cost_detail, unit_cost, pnl, ledger, price_used, meter and spend_control of a run.
void write_money(sqlite::Connection& db, std::int64_t run, const RunRecord& record);
void read_money(sqlite::Connection& db, std::int64_t run, RunRecord& record);

}  // namespace tokenfab
