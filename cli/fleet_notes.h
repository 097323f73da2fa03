#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sim/core/records.h"

namespace tokenfab::cli {

/// "fleet" of a run's JSON; null where its replicas neither come and go nor are chosen by place or price.
nlohmann::json fleet_json(const RunRecord& record);
/// The same in lines for people; empty without a fleet.
std::string fleet_note(const RunRecord& record);

/// What a pool's tokens, input and output, come to at its declared price; NaN where none per token is.
double bill_usd(const PoolFleet& fleet, const PoolUsage& usage);

}  // namespace tokenfab::cli
