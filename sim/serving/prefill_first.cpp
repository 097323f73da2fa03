#include <algorithm>

#include "sim/serving/policies.h"

namespace tokenfab {
namespace {

constexpr std::int64_t kNoBudget = INT64_MAX;  // prompts are not split

}  // namespace

bool PrefillFirstBatcher::admit_waiting() {
  std::int64_t budget = spec_.token_budget;
  while (prompt_waits() && running_ < spec_.max_sequences) {
    const Admission next = admission(kNoBudget);
    if (next.tokens > budget || !kv_.can_admit(next.blocks)) break;
    admit(next);
    budget -= next.tokens;
  }
  return !chunks_.empty();
}

void PrefillFirstBatcher::decide() {
  join_arrived();
  if (admit_waiting()) return;
  const bool preempted = preempt_until_growth_fits();
  if (decoding_ == 0) return;
  plan_.repeats = preempted ? 1 : decode_span();
  add_decodes();
}

}  // namespace tokenfab
