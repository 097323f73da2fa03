#pragma once
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "reports/infeasible.h"
#include "sim/core/records.h"

// Parts of the report's data that only some runs have; empty arrays (null: sessions) elsewhere.
namespace tokenfab {

using Replications = std::vector<const RunRecord*>;  // of one alternative, at least one

/// Per class of service: requests served and good per replication, latencies (seconds) of all replications merged.
nlohmann::json classes_section(const Replications& group);
/// Counts per replication, duration (seconds) of all merged, dollars per finished session.
nlohmann::json sessions_section(const Replications& group);
/// Per pool and level of its prefix cache: share of prompt tokens found there, bytes read and written.
nlohmann::json caches_section(const Replications& group);
/// Steps of the waterfall (sim/core/waterfall.h), the base first; null gains where there is none.
nlohmann::json stack_section(const std::vector<RunRecord>& runs);
nlohmann::json infeasible_section(const std::vector<InfeasibleAlternative>& refused);

}  // namespace tokenfab
