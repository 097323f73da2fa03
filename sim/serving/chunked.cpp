#include <algorithm>

#include "sim/serving/policies.h"

namespace tokenfab {

/// Tokens that prompts may have in the next step.
std::int64_t ChunkedBatcher::left_by_decodes() const {
  const std::int64_t mixed = spec_.scheduling.mixed_budget;
  return (decoding_ > 0 && mixed > 0 ? mixed : spec_.token_budget) - decoding_ * step_tokens();
}

std::int64_t ChunkedBatcher::within_bound(const Sequence& s, std::int64_t from, std::int64_t tokens,
                                          Budget& budget) const {
  if (spec_.scheduling.max_step_s <= 0 || decoding_ == 0) return tokens;
  const auto fits = [&](std::int64_t some) {
    StepSums sums = plan_.sums;
    if (!s.running && !s.swapped) sums.encoder_tokens += s.encoder;
    sums.add_chunk(from, some, from + some == s.input + s.generated, spec_.window.tokens);
    return spec_.step_seconds(sums) <= spec_.scheduling.max_step_s;
  };
  if (fits(tokens)) return tokens;
  budget.cut = true;
  if (!fits(1)) return 0;
  std::int64_t low = 1, high = tokens;  // low fits, high does not
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

/// For want of blocks the last of them is preempted, so that one of the batch class makes way for an interactive one.
bool ChunkedBatcher::continue_prompts(Budget& budget) {
  std::erase_if(partial_, [&](Slot slot) { return !at(slot).running || at(slot).decoding; });
  bool all_stay = true;
  for (std::size_t i = 0; i < partial_.size(); ++i) {
    const Sequence& s = at(partial_[i]);
    std::int64_t tokens = std::min(prompt_left(s), budget.of(is_batch(s)));
    if (tokens <= 0) continue;
    tokens = within_bound(s, s.computed, tokens, budget);
    if (tokens <= 0) break;
    for (; s.running && chunk_blocks(s, tokens) > kv_.free(); partial_.pop_back()) {
      preempt(partial_.back());
      all_stay = false;
    }
    if (!s.running) break;
    add_chunk(partial_[i], tokens);
    budget.spend(is_batch(s), tokens);
    if (budget.cut) break;
  }
  return all_stay;
}

bool ChunkedBatcher::admit_waiting(Budget& budget, bool displaced) {
  while (prompt_may_start() && !budget.cut) {
    const Slot slot = first_waiting();
    const bool batch = is_batch(at(slot));
    if (budget.of(batch) <= 0 || (batch && displaced)) return false;
    Admission next = admission(budget.of(batch));
    const std::int64_t tokens = within_bound(at(slot), at(slot).computed + next.cached, next.tokens, budget);
    if (tokens <= 0) return false;
    if (tokens < next.tokens) next = admission(tokens);
    if (!kv_.can_admit(next.blocks)) return may_shrink(next);
    admit(next);
    budget.spend(batch, next.tokens);
    if (next.tokens < prompt_left(at(slot))) partial_.insert(batch ? partial_.end() : partial_.begin(), slot);
  }
  return false;
}

void ChunkedBatcher::decide() {
  join_arrived();
  bool preempted = preempt_until_growth_fits();
  const bool displaced = !preempted && wants_room() && make_room(left_by_decodes(), growth());
  Budget budget{left_by_decodes(), batch_tokens()};
  const std::int64_t span = decoding_ > 0 ? decode_span() : 0;
  add_decodes();
  if (!continue_prompts(budget)) preempted = true;
  const bool look_again = preempted || admit_waiting(budget, displaced);
  if (!chunks_.empty()) return;
  // What displacing needs depends on the growth of the very step.
  // And a step that had no room for a prompt may have it when it is looked at again.
  const bool single = look_again || displaced || wants_room() || budget.cut;
  plan_.repeats = single ? std::min<std::int64_t>(span, 1) : span;
}

}  // namespace tokenfab
