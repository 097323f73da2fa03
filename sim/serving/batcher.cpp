#include "sim/serving/batcher.h"

#include <algorithm>

#include "base/error.h"
#include "sim/serving/policies.h"

namespace tokenfab {

std::unique_ptr<Batcher> Batcher::make(const BatcherSpec& spec) {
  if (spec.policy == "static" && (spec.draft_tokens > 0 || spec.prefix_cache))
    throw UserError("batcher policy \"static\" has neither a prefix cache nor speculative decoding");
  if (spec.policy == "chunked") return std::make_unique<ChunkedBatcher>(spec);
  if (spec.policy == "prefill-first") return std::make_unique<PrefillFirstBatcher>(spec);
  if (spec.policy == "static") return std::make_unique<StaticBatcher>(spec);
  throw UserError("batcher policy \"" + spec.policy + "\" is not known; allowed: chunked, prefill-first, static");
}

Batcher::Batcher(const BatcherSpec& spec)
    : spec_(spec), kv_(spec.kv_blocks, spec.kv_block_tokens, spec.watermark_blocks) {}

Batcher::Verdict Batcher::enqueue(std::int32_t input, std::int32_t output, Slot& slot) {
  slot = kNoSlot;
  Sequence fresh;
  fresh.input = input;
  fresh.output = output;
  const std::int64_t most_cached = std::int64_t{input} + output - 1;
  const bool too_long = (spec_.context > 0 && std::int64_t{input} + output > spec_.context) ||
                        kv_.blocks_for(most_cached + spec_.draft_tokens) > kv_.total() - kv_.watermark() ||
                        (!splits_prompts() && most_cached > spec_.token_budget);
  if (too_long) return Verdict::too_long;
  if (spec_.max_waiting > 0 && waiting() >= spec_.max_waiting) return Verdict::queue_full;
  if (unused_.empty()) {
    slot = static_cast<Slot>(sequences_.size());
    sequences_.push_back(fresh);
  } else {
    slot = unused_.back();
    unused_.pop_back();
    fresh.epoch = sequences_[slot].epoch + 1;
    sequences_[slot] = fresh;
  }
  if (spec_.prefix_cache) {
    prefixes_.resize(sequences_.size());
    prefixes_[slot] = {};
  }
  waiting_.push_back(slot);
  return Verdict::accepted;
}

void Batcher::release(Slot slot) { unused_.push_back(slot); }

const StepPlan& Batcher::plan() {
  const std::uint64_t serial = plan_.serial + 1;
  plan_ = {};
  plan_.serial = serial;
  chunks_.clear();
  scheduled_.clear();
  decide();
  return plan_;
}

void Batcher::take(std::int64_t blocks) {
  kv_.take(blocks);
  while (index_.unused() > kv_.free()) log(KvEvent::Kind::evict, kNoSlot, 0, index_.evict());
}

Slot Batcher::pop_waiting() {
  const Slot slot = waiting_.front();
  waiting_.pop_front();
  if (at(slot).preemptions == 0) scheduled_.push_back(slot);
  return slot;
}

void Batcher::add_running(Slot slot) {
  Sequence& s = at(slot);
  s.older = newest_;
  s.newer = kNoSlot;
  (newest_ == kNoSlot ? oldest_ : at(newest_).newer) = slot;
  newest_ = slot;
  ++running_;
}

void Batcher::remove_running(Slot slot) {
  Sequence& s = at(slot);
  (s.older == kNoSlot ? oldest_ : at(s.older).newer) = s.newer;
  (s.newer == kNoSlot ? newest_ : at(s.newer).older) = s.older;
  --running_;
}

void Batcher::add_chunk(Slot slot, std::int64_t tokens) {
  const Sequence& s = at(slot);
  const std::int64_t before = s.computed, after = before + tokens;
  take(kv_.blocks_for(after) - kv_.blocks_for(before));
  chunks_.push_back({slot, before, tokens});
  plan_.repeats = 1;
  plan_.sums.prefill_sequences += 1;
  plan_.sums.prefill_tokens += tokens;
  plan_.sums.prefill_attention += tokens * before + tokens * (tokens + 1) / 2;
  plan_.sums.prefill_kv_tokens += after;
  if (tokens == prompt_left(s)) plan_.sums.prefill_outputs += 1;
}

void Batcher::add_decodes() {
  plan_.sums.decode_sequences = decoding_;
  plan_.sums.decode_kv_tokens = decode_kv_ + decoding_;
  take(growth());
}

void Batcher::preempt(Slot slot) {
  Sequence& s = at(slot);
  const std::int64_t tokens = cached_tokens(s);
  give_back(slot, tokens);
  remove_running(slot);
  if (s.decoding) {
    kv_.stop_growing(tokens, step_);
    decode_kv_ -= tokens;
    --decoding_;
    s.generated += static_cast<std::int32_t>(step_ - s.entered);
    s.decoding = false;
    ++s.epoch;
  }
  recomputed_ += tokens;
  s.computed = 0;
  ++s.preemptions;
  ++preemptions_;
  waiting_.push_front(slot);
  drop_outdated();
}

bool Batcher::preempt_until_growth_fits() {
  bool any = false;
  while (growth() > kv_.free()) {
    require(running_ > 0, "a shortage of KV blocks has a sequence to preempt");
    preempt(newest_);
    any = true;
  }
  return any;
}

std::int64_t Batcher::decode_span() const {
  if (spec_.draft_tokens > 0) return 1;
  return kv_.steps_that_fit(step_, due_.front().step - step_, decoding_);
}

void Batcher::start_decoding(Slot slot) {
  Sequence& s = at(slot);
  s.decoding = true;
  s.entered = step_;
  kv_.start_growing(s.computed, step_);
  decode_kv_ += s.computed;
  ++decoding_;
  due_.push_back({step_ + s.output - s.generated, slot, s.epoch});
  std::push_heap(due_.begin(), due_.end());
}

void Batcher::drop_outdated() {
  while (!due_.empty() && outdated(due_.front())) {
    std::pop_heap(due_.begin(), due_.end());
    due_.pop_back();
  }
}

void Batcher::finish(Slot slot) {
  Sequence& s = at(slot);
  const std::int64_t tokens = cached_tokens(s);
  give_back(slot, tokens);
  if (s.decoding) {
    kv_.stop_growing(tokens, step_);
    decode_kv_ -= tokens;
    --decoding_;
  }
  s.generated = s.output;
  s.decoding = false;
  ++s.epoch;
  remove_running(slot);
  finished_.push_back(slot);
}

void Batcher::finish_due() {
  for (drop_outdated(); !due_.empty() && due_.front().step == step_; drop_outdated()) {
    const Slot slot = due_.front().slot;
    finish(slot);
  }
}

void Batcher::gain(Slot slot, std::int32_t extra) {
  require(at(slot).decoding && extra >= 0 && extra <= spec_.draft_tokens, "accepted drafts belong to a decoding sequence");
  if (extra > 0) gains_.push_back({slot, extra});
}

/// Of the blocks set aside for all drafts, keeps those that accepted ones fill. The sequence goes on as if it had
/// entered with more tokens cached and fewer to generate.
void Batcher::settle_drafts() {
  kv_.give(growth() - kv_.growth(step_, 1, decoding_));
  for (const auto& [slot, extra] : gains_) {
    Sequence& s = at(slot);
    const std::int64_t tokens = cached_tokens(s);
    kv_.take(kv_.blocks_for(tokens + 1 + extra) - kv_.blocks_for(tokens + 1));
    kv_.stop_growing(tokens, step_);
    kv_.start_growing(tokens + extra, step_);
    s.computed += extra;
    s.generated += extra;
    decode_kv_ += extra;
    const std::int64_t due = s.entered + s.output - s.generated;
    require(due > step_, "accepted drafts stay within the output");
    due_.push_back({due, slot, ++s.epoch});
    std::push_heap(due_.begin(), due_.end());
  }
  drop_outdated();
}

void Batcher::complete(std::int64_t steps) {
  require(steps >= 1 && steps <= plan_.repeats, "a plan runs between once and its repeats");
  first_tokens_.clear();
  finished_.clear();
  advance(steps);
  gains_.clear();
}

void Batcher::advance(std::int64_t steps) {
  if (plan_.sums.decode_sequences > 0) {
    if (spec_.draft_tokens > 0) settle_drafts();
    if (steps > 1) take(kv_.growth(step_ + 1, steps - 1, decoding_));
    step_ += steps;
    decode_kv_ += decoding_ * steps;
    finish_due();
  }
  for (const Chunk& chunk : chunks_) {
    Sequence& s = at(chunk.slot);
    s.computed += chunk.tokens;
    if (spec_.prefix_cache) publish_pages(chunk.slot);
    if (prompt_left(s) > 0) continue;
    if (s.generated == 0) first_tokens_.push_back(chunk.slot);
    if (++s.generated == s.output) finish(chunk.slot);
    else start_decoding(chunk.slot);
  }
  drop_outdated();
  chunks_.clear();
}

std::int64_t Batcher::held_blocks() const {
  std::int64_t used = 0;
  for (Slot slot = oldest_; slot != kNoSlot; slot = sequences_[slot].newer)
    used += kv_.blocks_for(cached_tokens(sequences_[slot])) - shared_pages(slot);
  return used + index_.in_use();
}

void Batcher::check() const {
  std::int64_t count = 0, decoding = 0, tokens = 0;
  for (Slot slot = oldest_; slot != kNoSlot; slot = sequences_[slot].newer, ++count) {
    const Sequence& s = sequences_[slot];
    if (s.decoding) ++decoding, tokens += cached_tokens(s);
  }
  require(held_blocks() == kv_.total() - kv_.free(), "KV blocks in use = sum over running sequences");
  require(count == running_, "running sequences are all linked");
  require(decoding == decoding_ && tokens == decode_kv_, "decode sums = sum over decoding sequences");
}

}  // namespace tokenfab
