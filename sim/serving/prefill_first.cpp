#include <algorithm>

#include "sim/serving/policies.h"

namespace tokenfab {
namespace {

constexpr std::int64_t kNoBudget = INT64_MAX;  // prompts are not split

}  // namespace

bool PrefillFirstBatcher::admit_waiting(bool displaced) {
  std::int64_t budget = spec_.token_budget;
  while (prompt_may_start() && !(displaced && is_batch(at(first_waiting())))) {
    const Admission next = admission(kNoBudget);
    if (next.tokens > budget || !kv_.can_admit(next.blocks)) break;
    admit(next);
    budget -= next.tokens;
  }
  return !chunks_.empty();
}

void PrefillFirstBatcher::decide() {
  join_arrived();
  const bool displaced = wants_room() && make_room(kNoBudget, 0);
  if (admit_waiting(displaced)) return;
  const bool preempted = preempt_until_growth_fits();
  if (decoding_ == 0) return;
  plan_.repeats = preempted || displaced ? 1 : decode_span();
  add_decodes();
}

}  // namespace tokenfab
