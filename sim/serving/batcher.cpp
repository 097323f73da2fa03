#include "sim/serving/batcher.h"

#include <algorithm>

#include "base/error.h"
#include "sim/serving/policies.h"

namespace tokenfab {

std::unique_ptr<Batcher> Batcher::make(const BatcherSpec& spec) {
  check_scheduling(spec);
  if (spec.policy == "static" && (spec.draft_tokens > 0 || !spec.pace.by_sequences.empty() || spec.prefix_cache))
    throw UserError("batcher policy \"static\" has neither a prefix cache nor speculative decoding");
  if (spec.policy == "static" && spec.hold_finished)
    throw UserError("batcher policy \"static\" cannot serve prefill or decode alone");
  if (spec.policy == "chunked") return std::make_unique<ChunkedBatcher>(spec);
  if (spec.policy == "prefill-first") return std::make_unique<PrefillFirstBatcher>(spec);
  if (spec.policy == "static") return std::make_unique<StaticBatcher>(spec);
  throw UserError("batcher policy \"" + spec.policy + "\" is not known; allowed: chunked, prefill-first, static");
}

Batcher::Batcher(const BatcherSpec& spec)
    : spec_(spec),
      kv_(spec.kv_blocks, spec.kv_block_tokens, spec.watermark_blocks, spec.pace.quanta,
          spec.prefix_cache ? KvWindow{spec.window.tokens, 1, 0} : spec.window),
      waiting_(spec.scheduling.queue),
      batch_slots_(batch_part(spec, spec.max_sequences)),
      variants_(spec.scheduling.variants),
      tiers_(spec.tiers) {
  require(spec.prefix_pages >= 1 && (!spec.log_kv || (spec.prefix_pages == 1 && spec.tiers.empty())),
          "real pages are shared one by one");
  prefix_use_.hit_tokens.resize(1 + spec.tiers.size());
  prefix_use_.read_blocks.resize(1 + spec.tiers.size());
  require(spec.draft_tokens == 0 || spec.pace.by_sequences.empty(), "drafts are either real or simulated");
}

Sequence Batcher::fresh(std::int32_t input, std::int32_t output, std::int64_t service) const {
  Sequence s;
  s.input = input;
  s.output = output;
  s.remaining = service > 0 ? service : std::int64_t{output} * spec_.pace.quanta;
  return s;
}

bool Batcher::too_long(const Sequence& s) const {
  const std::int64_t progress = (s.remaining + spec_.pace.quanta - 1) / spec_.pace.quanta;
  std::int64_t most_cached = s.input + std::max<std::int64_t>(s.output, progress) - 1;
  if (s.arrived) most_cached = std::max(most_cached, s.input + step_tokens());
  return (spec_.context > 0 && std::int64_t{s.input} + s.output > spec_.context) ||
         kv_.blocks_for(most_cached + spec_.draft_tokens + spec_.pace.lookahead) > kv_.total() - kv_.watermark() ||
         (!splits_prompts() && most_cached > spec_.token_budget);
}

Slot Batcher::add(const Sequence& fresh, const Standing& standing) {
  if (spec_.scheduling.variants.count > 0) variants_.check(standing.variant);
  Slot slot = kNoSlot;
  if (unused_.empty()) {
    slot = static_cast<Slot>(sequences_.size());
    sequences_.push_back(fresh);
  } else {
    slot = unused_.back();
    unused_.pop_back();
    const std::uint32_t epoch = at(slot).epoch + 1;
    at(slot) = fresh;
    at(slot).epoch = epoch;
  }
  if (spec_.prefix_cache) {
    prefixes_.resize(sequences_.size());
    prefixes_[slot] = {};
  }
  at(slot).priority = standing.priority;
  at(slot).variant = standing.variant;
  waiting_.push(slot, standing);
  return slot;
}

Batcher::Verdict Batcher::enqueue(std::int32_t input, std::int32_t output, Slot& slot, std::int64_t service,
                                  const Standing& standing) {
  slot = kNoSlot;
  const Sequence s = fresh(input, output, service);
  if (too_long(s)) return Verdict::too_long;
  if (spec_.max_waiting > 0 && waiting() >= spec_.max_waiting) return Verdict::queue_full;
  slot = add(s, standing);
  return Verdict::accepted;
}

void Batcher::release(Slot slot) { unused_.push_back(slot); }

const StepPlan& Batcher::plan(Ticks now) {
  now_ = now;
  const std::uint64_t serial = plan_.serial + 1;
  const std::int64_t owed = plan_.empty() ? plan_.swapped_blocks : 0;  // swapped where no step followed
  plan_ = {};
  plan_.serial = serial;
  plan_.swapped_blocks = owed;
  chunks_.clear();
  scheduled_.clear();
  decide();
  if (plan_.has_transfers()) plan_.repeats = std::min<std::int64_t>(plan_.repeats, 1);
  return plan_;
}

void Batcher::take(std::int64_t blocks) {
  kv_.take(blocks);
  while (unused_known_pages() > kv_.free()) {
    const PrefixIndex::Evicted block = index_.evict();
    log(KvEvent::Kind::evict, kNoSlot, 0, block.id);
    tiers_.insert(block.hash, block.released);
  }
}

Slot Batcher::pop_waiting() {
  const Slot slot = waiting_.front();
  waiting_.pop_front();
  if (at(slot).preemptions == 0) scheduled_.push_back(slot);
  if (!at(slot).swapped) plan_.sums.encoder_tokens += at(slot).encoder;
  return slot;
}

void Batcher::add_running(Slot slot) {
  Sequence& s = at(slot);
  s.older = newest_;
  s.newer = kNoSlot;
  (newest_ == kNoSlot ? oldest_ : at(newest_).newer) = slot;
  newest_ = slot;
  ++running_;
  s.running = true;
  batch_running_ += is_batch(s);
  if (spec_.scheduling.variants.count > 0 && variants_.acquire(s.variant)) ++plan_.variant_loads, ++variant_loads_;
}

void Batcher::remove_running(Slot slot) {
  Sequence& s = at(slot);
  (s.older == kNoSlot ? oldest_ : at(s.older).newer) = s.newer;
  (s.newer == kNoSlot ? newest_ : at(s.newer).older) = s.older;
  --running_;
  s.running = false;
  batch_running_ -= is_batch(s);
  if (spec_.scheduling.variants.count > 0) variants_.release(s.variant);
}

std::int64_t Batcher::length_with(const Sequence& s, std::int64_t computed) const {
  const std::int64_t quanta = spec_.pace.quanta;
  if (spec_.pace.lookahead == 0) return computed * quanta;
  const bool decodes_next = computed >= s.input + s.generated && s.remaining > quanta;
  return (computed + (decodes_next ? spec_.pace.lookahead : 0)) * quanta;
}

std::int64_t Batcher::held_length(const Sequence& s) const {
  if (!s.decoding) return length_with(s, s.computed);
  return (s.computed + spec_.pace.lookahead) * spec_.pace.quanta + (progress_ - s.entered);
}

std::int64_t Batcher::chunk_blocks(const Sequence& s, std::int64_t tokens) const {
  return kv_.blocks_at(length_with(s, s.computed + tokens)) - kv_.blocks_at(length_with(s, s.computed));
}

void Batcher::add_chunk(Slot slot, std::int64_t tokens) {
  const Sequence& s = at(slot);
  const std::int64_t before = s.computed;
  take(chunk_blocks(s, tokens));
  chunks_.push_back({slot, before, tokens});
  plan_.repeats = 1;
  plan_.sums.add_chunk(before, tokens, tokens == prompt_left(s), spec_.window.tokens);
}

void Batcher::preempt(Slot slot) {
  Sequence& s = at(slot);
  const std::int64_t tokens = cached_tokens(s), blocks = kv_.blocks_at(held_length(s));
  give_back(slot, blocks);
  remove_running(slot);
  if (s.decoding) {
    s.generated += static_cast<std::int32_t>((progress_ - s.entered) / spec_.pace.quanta);
    s.generated = std::min(s.generated, s.output - 1);
    stop_decoding(slot);
  }
  if (spec_.scheduling.swap) {
    s.computed = std::min<std::int64_t>(tokens, s.input + s.generated - 1);
    swap_out(slot);
  } else {
    recomputed_ += tokens;
    s.computed = 0;
  }
  ++s.preemptions;
  ++preemptions_;
  waiting_.put_back(slot, s.priority);
  due_.drop_outdated(sequences_);
  full_.drop_outdated(sequences_);
}

bool Batcher::preempt_until_growth_fits() {
  bool any = false;
  while (growth() > kv_.free()) {
    require(running_ > 0, "a shortage of KV blocks has a sequence to preempt");
    preempt(victim());
    any = true;
  }
  return any;
}

void Batcher::complete(std::int64_t steps, Ticks now) {
  now_ = now;
  require(steps >= 1 && steps <= plan_.repeats, "a plan runs between once and its repeats");
  first_tokens_.clear();
  finished_.clear();
  advance(steps);
  gains_.clear();
}

std::int64_t Batcher::held_blocks() const {
  std::int64_t used = 0;
  for (Slot slot = oldest_; slot != kNoSlot; slot = sequences_[slot].newer)
    used += kv_.blocks_at(held_length(sequences_[slot])) - shared_pages(slot);
  return used + index_.in_use() * spec_.prefix_pages;
}

void Batcher::check() const {
  std::int64_t count = 0, batch = 0, decoding = 0, length = 0, window = 0;
  for (Slot slot = oldest_; slot != kNoSlot; slot = sequences_[slot].newer, ++count) {
    const Sequence& s = sequences_[slot];
    batch += is_batch(s);
    if (!s.decoding) continue;
    ++decoding;
    length += s.computed * spec_.pace.quanta + (progress_ - s.entered);
    if (kv_.has_window()) window += std::min(held_length(s), kv_.window_length());
  }
  require(held_blocks() + kept_ == kv_.total() - kv_.free(), "KV blocks in use = sum over running and held sequences");
  require(count == running_ && batch == batch_running_, "running sequences are all linked");
  if (spec_.scheduling.variants.count > 0)
    require(variants_.users() == running_, "each running sequence uses its variant");
  require(decoding == decoding_ && length == decode_kv_ && window == decode_window_,
          "decode sums = sum over decoding sequences");
}

}  // namespace tokenfab
