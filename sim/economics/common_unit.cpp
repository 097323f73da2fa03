#include "sim/economics/common_unit.h"

namespace tokenfab {

double equivalent_tokens(double tokens, double active_parameters) {
  return tokens * active_parameters / kParametersPerUnit;
}

double equivalent_mtok(const RunRecord& r, double PoolUsage::*what, double per_unit) {
  long double tokens = 0, weighed = 0;
  for (const PoolUsage& u : r.pools) {
    const auto handled = static_cast<long double>(u.input_tokens + u.output_tokens);
    if (handled == 0) continue;
    if (u.*what <= 0) return kUnknown;
    tokens += handled;
    weighed += handled * u.*what;
  }
  if (tokens == 0) return kUnknown;
  const auto served = static_cast<long double>(r.input_served + r.output_served);
  return static_cast<double>(served / 1e6L * (weighed / tokens / per_unit));
}

double cost_per_success(double usd_per_try, const TaskQuality& q) {
  return q.success_rate > 0 ? (usd_per_try + (1 - q.success_rate) * q.usd_per_failure) / q.success_rate : kUnknown;
}

double break_even_quality_loss(double usd_saved_per_try, double usd_per_failure) {
  return usd_per_failure > 0 ? usd_saved_per_try / usd_per_failure : kUnknown;
}

std::optional<TaskQuality> read_quality(const JsonObject& top) {
  if (!top.has("quality")) return std::nullopt;
  const JsonObject o = top.object("quality");
  const TaskQuality q{o.number_in("success_rate", 1e-9, 1), o.number_in("usd_per_failure", 0, 1e9, 0)};
  o.finish();
  return q;
}

void price_tasks(RunRecord& r, const std::optional<TaskQuality>& q) {
  if (!q) return;
  CostDetail& d = r.cost.detail;
  d.success_rate = q->success_rate;
  d.usd_per_failure = q->usd_per_failure;
  d.usd_per_task = r.served > 0 ? cost_per_success(r.cost.usd_total / static_cast<double>(r.served), *q) : kUnknown;
}

}  // namespace tokenfab
