#include <algorithm>

#include "sim/serving/policies.h"

namespace tokenfab {

bool ChunkedBatcher::continue_prompt(std::int64_t& budget) {
  if (newest_ == kNoSlot || at(newest_).decoding) return true;
  const Sequence& s = at(newest_);
  const std::int64_t tokens = std::min(prompt_left(s), budget);
  if (tokens <= 0) return true;
  if (chunk_blocks(s, tokens) > kv_.free()) {
    preempt(newest_);
    return false;
  }
  add_chunk(newest_, tokens);
  budget -= tokens;
  return true;
}

bool ChunkedBatcher::admit_waiting(std::int64_t budget) {
  while (prompt_waits() && budget > 0 && running_ < spec_.max_sequences) {
    const Admission next = admission(budget);
    if (!kv_.can_admit(next.blocks)) return may_shrink(next);
    admit(next);
    budget -= next.tokens;
  }
  return false;
}

void ChunkedBatcher::decide() {
  join_arrived();
  bool preempted = preempt_until_growth_fits();
  std::int64_t budget = spec_.token_budget - decoding_ * step_tokens();
  const std::int64_t span = decoding_ > 0 ? decode_span() : 0;
  add_decodes();
  if (!continue_prompt(budget)) preempted = true;
  const bool look_again = preempted || admit_waiting(budget);
  if (chunks_.empty()) plan_.repeats = look_again ? std::min<std::int64_t>(span, 1) : span;
}

}  // namespace tokenfab
