// The batcher's part that knows classes of service, variants and swapping.
#include "sim/serving/scheduling.h"

#include <algorithm>

#include "base/error.h"
#include "sim/serving/batcher.h"

namespace tokenfab {

void Batcher::check_scheduling(const BatcherSpec& spec) {
  const Scheduling& s = spec.scheduling;
  const auto refuse = [](const std::string& what) { throw UserError("batcher: " + what); };
  if (s.queue != QueueOrder::priority && (s.preempt || s.batch_share < 1))
    refuse("\"preempt\" and \"batch_share\" need \"queue\": \"priority\"");
  if (s.queue != QueueOrder::shortest_job && (s.prediction_error > 0 || s.ageing_tokens_per_s > 0))
    refuse("\"prediction_error\" and \"ageing_tokens_per_s\" need \"queue\": \"shortest-job\"");
  if (spec.policy == "static" && (s.preempt || s.batch_share < 1 || s.swap || s.variants.count > 0))
    refuse("policy \"static\" neither displaces nor swaps sequences, and has no batch share and no variants");
  if (spec.policy != "chunked" && s.mixed_budget > 0) refuse("\"mixed_budget\" needs policy \"chunked\"");
  if (spec.policy != "chunked" && s.max_step_s > 0) refuse("\"max_step_s\" needs policy \"chunked\"");
  if (s.max_step_s > 0 && s.preempt)
    refuse("\"max_step_s\" does not go with \"preempt\": a step without room for a prompt would displace for nothing");
  if (spec.log_kv && (s.swap || s.variants.count > 0)) refuse("a real engine neither swaps nor loads variants");
}

/// At least one, so that the class does not starve by rounding.
std::int64_t Batcher::batch_part(const BatcherSpec& spec, std::int64_t whole) {
  const auto part = static_cast<std::int64_t>(spec.scheduling.batch_share * static_cast<double>(whole));
  return std::max<std::int64_t>(1, part);
}

bool Batcher::make_room(std::int64_t budget, std::int64_t growth) {
  if (spec_.scheduling.variants.count > 0 && !variants_.can_run(sequences_[waiting_.front()].variant)) return false;
  std::int64_t slots = running_ + 1 - spec_.max_sequences;
  std::int64_t blocks = admission(budget).blocks + growth + kv_.watermark() - kv_.free();
  std::vector<Slot> displaced;
  for (Slot slot = newest_; slot != kNoSlot && (slots > 0 || blocks > 0); slot = sequences_[slot].older) {
    if (!is_batch(sequences_[slot])) continue;
    displaced.push_back(slot);
    --slots;
    blocks -= kv_.blocks_at(held_length(sequences_[slot])) - shared_pages(slot);
  }
  if (slots > 0 || blocks > 0) return false;
  for (const Slot slot : displaced) preempt(slot);
  return !displaced.empty();
}

/// Who is preempted for want of blocks: the newest of the batch class where classes count, else the newest.
Slot Batcher::victim() const {
  if (spec_.scheduling.queue != QueueOrder::priority || batch_running_ == 0) return newest_;
  Slot slot = newest_;
  while (!is_batch(sequences_[slot])) slot = sequences_[slot].older;
  return slot;
}

void Batcher::swap_out(Slot slot) {
  Sequence& s = at(slot);
  s.swapped = true;
  count_swap(kv_.blocks_for(s.computed));
}

void Batcher::swap_in(Slot slot) {
  Sequence& s = at(slot);
  s.swapped = false;
  const std::int64_t blocks = kv_.blocks_at(held_length(s));
  take(blocks);
  count_swap(blocks);
}

void Batcher::count_swap(std::int64_t blocks) {
  plan_.swapped_blocks += blocks;
  swapped_blocks_ += blocks;
}

}  // namespace tokenfab
