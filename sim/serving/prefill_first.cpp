#include <algorithm>

#include "sim/serving/policies.h"

namespace tokenfab {

bool PrefillFirstBatcher::admit() {
  std::int64_t budget = spec_.token_budget;
  while (!waiting_.empty() && running_ < spec_.max_sequences) {
    const std::int64_t tokens = prompt_left(at(waiting_.front()));
    if (tokens > budget || !kv_.can_admit(kv_.blocks_for(tokens))) break;
    const Slot slot = pop_waiting();
    add_running(slot);
    add_chunk(slot, tokens);
    budget -= tokens;
  }
  return !chunks_.empty();
}

void PrefillFirstBatcher::decide() {
  if (admit()) return;
  const bool preempted = preempt_until_growth_fits();
  if (decoding_ == 0) return;
  plan_.repeats = preempted ? 1 : decode_span();
  add_decodes();
}

}  // namespace tokenfab
