#pragma once
#include <string>
#include <vector>

#include "base/json_object.h"
#include "sim/core/records.h"
#include "sim/economics/money_catalog.h"

namespace tokenfab {

/// Reads a pool's "supply" ({"rent": …} or {"own": …}, with an optional "site"); absent: rented on demand. Defaults
/// that were taken are added to `assumptions`. Errors: UserError with file and pointer.
///   {"rent": "on-demand"}                                  the catalogue's default row of that kind
///   {"rent": {"kind": "on-demand", "provider": "…"}}       a provider's row
///   {"rent": {"usd_per_chip_hour": 2.5, "source": "…"}}    a price of one's own
///   {"own": {"capex_usd_per_chip": …, "life_years": …, …}} what is left out comes from the catalogue
///   "site": "us-average" or {"like": "france", "pue": …, "grid_gco2e_per_kwh": …, …}; it also fixes the electricity
///   price
Supply read_supply(const JsonObject& pool, const std::string& chip, const MoneyCatalog& money,
                   std::vector<Assumption>& assumptions);

}  // namespace tokenfab
