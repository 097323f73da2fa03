#pragma once
#include "sim/core/records.h"

namespace tokenfab {

/// Whether a request with these latencies meets all objectives of the run; an objective of 0 is none.
inline bool meets_slo(const RunRecord& run, Ns ttft, Ns tpot, Ns e2e) {
  const auto ok = [](Ns value, double limit_s) { return limit_s <= 0 || seconds_from_ns(value) <= limit_s; };
  return ok(ttft, run.slo_ttft_s) && ok(tpot, run.slo_tpot_s) && ok(e2e, run.slo_e2e_s);
}

/// The same of a stored row: false where it was not served.
inline bool meets_slo(const RunRecord& run, const RequestRow& row) {
  if (row.state != RequestState::served) return false;
  const Ns ttft = row.first_token - row.arrival, e2e = row.finish - row.arrival;
  return meets_slo(run, ttft, row.output_tokens > 1 ? (e2e - ttft) / (row.output_tokens - 1) : 0, e2e);
}

}  // namespace tokenfab
