// The batcher's part that knows of caches that come from, or go to, other replicas.
#include <utility>

#include "base/error.h"
#include "sim/serving/batcher.h"

namespace tokenfab {

bool Batcher::fits_cached(std::int32_t input, std::int32_t output, std::int64_t service) const {
  Sequence s = fresh(input, output, service);
  s.arrived = true;
  return !too_long(s);
}

Slot Batcher::enqueue_cached(std::int32_t input, std::int32_t output, std::int64_t service, const Standing& standing) {
  require(!spec_.scheduling.preempt, "an arrived cache displaces nobody");
  require(output > 1 && fits_cached(input, output, service), "a cache goes where it fits and is needed");
  Sequence s = fresh(input, output, service);
  s.arrived = true;
  s.generated = 1;
  s.remaining -= spec_.pace.quanta;
  return add(s, standing);
}

/// A cache and what all decoding sequences grow by in a step must fit. While they do not, they do not after further
/// steps either, so that spans may be long. Not while the newest sequence's prompt is partly computed.
void Batcher::join_arrived() {
  while (may_start() && at(waiting_.front()).arrived && (newest_ == kNoSlot || at(newest_).decoding)) {
    Sequence& s = at(waiting_.front());
    const std::int64_t held = (s.input + std::int64_t{spec_.pace.lookahead}) * spec_.pace.quanta;
    const std::int64_t step = spec_.pace.at(decoding_ + 1) + spec_.draft_tokens;
    if (!kv_.can_admit(kv_.blocks_at(held + step) + kv_.growth(progress_, step, growing()))) return;
    const Slot slot = pop_waiting();
    add_running(slot);
    s.arrived = false;
    s.computed = s.input;
    take(kv_.blocks_at(held));
    start_decoding(slot);
  }
}

void Batcher::drop(Slot slot) {
  Sequence& s = at(slot);
  kept_ -= s.kept - shared_pages(slot);
  give_back(slot, std::exchange(s.kept, 0));
}

}  // namespace tokenfab
