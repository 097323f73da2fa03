#pragma once
#include <limits>
#include <memory>

#include "sim/core/records.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// A hard ceiling on what each interaction (a session, or a request outside one) may spend. Before a call goes out, the
/// price of its input and of all the output that it may produce is held against what is left.
struct SpendLimit {
  double usd_per_interaction = 0;
  double input_usd = 0, output_usd = 0;  // per million tokens; cached input counts as input
  std::int32_t max_output_tokens = 0;    // that a call may produce where nothing limits it further
  enum class Over {
    refuse,
    truncate
  } over = Over::refuse;  // truncate: allow what is left; refuse where that is nothing
  double usd_in_all = std::numeric_limits<double>::infinity();  // a budget of all interactions; open loops only
};

/// `inner` with each call let through, shortened or refused. Refused calls end at their arrival, unserved, for the
/// session; they never reach the factory. `control` gets the counts; it must outlive the source.
/// A call that comes to the factory counts against the budget even where the factory turns it away.
/// No interaction spends more than the ceiling, and all together no more than the budget. Outputs are at most
/// max_output_tokens long, whatever the policy.
std::unique_ptr<RequestSource> limit_spend(std::unique_ptr<RequestSource> inner, const SpendLimit& limit,
                                           SpendControl& control);

}  // namespace tokenfab
