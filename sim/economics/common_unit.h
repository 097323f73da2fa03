#pragma once
#include <optional>

#include "base/json_object.h"
#include "sim/economics/economics.h"

// Tokens of different models in one unit, and what a solved task costs.
namespace tokenfab {

/// The unit: a token of a dense model of 7 billion parameters, stored in 16 bits.
inline constexpr double kParametersPerUnit = 7e9, kWeightBytesPerUnit = 14e9;

/// 7B-equivalent tokens, by FLOP: tokens x active parameters / 7e9. A 70B dense token is 10 units.
double equivalent_tokens(double tokens, double active_parameters);

/// Served tokens, in millions of units; the pools' `what` (active parameters, or bytes of weights that a token alone
/// reads) weighed by the tokens that each handled. NaN where a pool that handled tokens does not know it.
double equivalent_mtok(const RunRecord& record, double PoolUsage::*what, double per_unit);

/// Tasks, one per request: the share solved at first try, and what an unsolved one costs before it is tried again
/// (a person's time, a refund).
struct TaskQuality {
  double success_rate = 1, usd_per_failure = 0;
};

/// (cost of a try + (1 - p) x cost of a failure) / p, in USD; NaN at p = 0.
double cost_per_success(double usd_per_try, const TaskQuality& quality);
/// The loss of success rate at which a cheaper try saves nothing: saving / (cost of a failure), to first order in p.
double break_even_quality_loss(double usd_saved_per_try, double usd_per_failure);

/// Reads "quality": {"success_rate": 0.9, "usd_per_failure": 2.5}; absent: nothing. Errors: UserError.
std::optional<TaskQuality> read_quality(const JsonObject& top);
/// Adds the cost of a solved task to a priced record: a try costs the bill over the requests served.
void price_tasks(RunRecord& record, const std::optional<TaskQuality>& quality);

}  // namespace tokenfab
