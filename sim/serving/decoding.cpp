#include <algorithm>

#include "base/error.h"
#include "sim/serving/batcher.h"

// How sequences join the decoding ones, advance with them and leave.
namespace tokenfab {

void Batcher::add_decodes() {
  const std::int64_t quanta = spec_.pace.quanta;
  plan_.sums.decode_sequences = decoding_;
  plan_.sums.decode_kv_tokens = decode_kv_ + decoding_ * quanta * (1 + spec_.pace.lookahead);
  plan_.sums.decode_window_tokens = decode_window_ + filling_ * quanta;
  plan_.sums.decode_filling = filling_;
  take(growth());
}

/// Takes a decoding sequence out of the sums.
void Batcher::stop_decoding(Slot slot) {
  Sequence& s = at(slot);
  const std::int64_t gained = progress_ - s.entered, held = held_length(s);
  kv_.stop_growing(held, progress_, s.filling);
  decode_kv_ -= s.computed * spec_.pace.quanta + gained;
  if (kv_.has_window()) decode_window_ -= s.filling ? held : kv_.window_length();
  if (s.filling) --filling_;
  --decoding_;
  s.remaining -= gained;
  s.decoding = s.filling = false;
  ++s.epoch;
}

std::int64_t Batcher::decode_span() const {
  if (spec_.draft_tokens > 0) return 1;
  std::int64_t next = due_.front().progress;
  if (!full_.empty()) next = std::min(next, full_.front().progress);
  const std::int64_t steps = (next - progress_ + pace() - 1) / pace();
  return kv_.steps_that_fit(progress_, pace(), steps, growing());
}

void Batcher::start_decoding(Slot slot) {
  Sequence& s = at(slot);
  s.decoding = true;
  s.entered = progress_;
  const std::int64_t held = held_length(s);
  s.filling = kv_.has_window() && held < kv_.window_length();
  kv_.start_growing(held, progress_, s.filling);
  decode_kv_ += s.computed * spec_.pace.quanta;
  ++decoding_;
  due_.push({progress_ + s.remaining, slot, s.epoch});
  if (!kv_.has_window()) return;
  decode_window_ += std::min(held, kv_.window_length());
  if (!s.filling) return;
  ++filling_;
  full_.push({progress_ + kv_.window_length() - held, slot, s.epoch});
}

void Batcher::finish(Slot slot) {
  Sequence& s = at(slot);
  const std::int64_t blocks = kv_.blocks_at(held_length(s));
  if (spec_.hold_finished) {
    s.kept = blocks;
    kept_ += blocks - shared_pages(slot);
  } else {
    give_back(slot, blocks);
  }
  if (s.decoding) stop_decoding(slot);
  s.generated = s.output;
  ++s.epoch;
  remove_running(slot);
  finished_.push_back(slot);
}

void Batcher::finish_due() {
  for (due_.drop_outdated(sequences_); !due_.empty() && due_.front().progress <= progress_;
       due_.drop_outdated(sequences_)) {
    const Slot slot = due_.front().slot;
    finish(slot);
  }
}

/// Sequences whose window has become full grow on without it.
void Batcher::fill_windows() {
  for (full_.drop_outdated(sequences_); !full_.empty() && full_.front().progress <= progress_;
       full_.drop_outdated(sequences_)) {
    Sequence& s = at(full_.front().slot);
    const std::int64_t held = held_length(s);
    kv_.stop_filling(held, progress_);
    decode_window_ -= held - kv_.window_length();
    s.filling = false;
    --filling_;
    full_.pop();
  }
}

void Batcher::gain(Slot slot, std::int32_t extra) {
  require(at(slot).decoding && extra >= 0 && extra <= spec_.draft_tokens,
          "accepted drafts belong to a decoding sequence");
  if (extra > 0) gains_.push_back({slot, extra});
}

/// Of the blocks set aside for all drafts, keeps those that accepted ones fill. The sequence goes on as if it had
/// entered with more tokens cached and fewer to generate.
void Batcher::settle_drafts() {
  kv_.give(growth() - kv_.growth(progress_, 1, growing()));
  for (const auto& [slot, extra] : gains_) {
    Sequence& s = at(slot);
    const std::int64_t tokens = cached_tokens(s);
    kv_.take(kv_.blocks_for(tokens + 1 + extra) - kv_.blocks_for(tokens + 1));
    kv_.stop_growing(tokens, progress_, false);
    kv_.start_growing(tokens + extra, progress_, false);
    s.computed += extra;
    s.generated += extra;
    s.remaining -= extra;
    decode_kv_ += extra;
    const std::int64_t due = s.entered + s.remaining;
    require(due > progress_, "accepted drafts stay within the output");
    due_.push({due, slot, ++s.epoch});
  }
  due_.drop_outdated(sequences_);
}

void Batcher::advance(std::int64_t steps) {
  if (plan_.sums.decode_sequences > 0) {
    if (spec_.draft_tokens > 0) settle_drafts();
    const std::int64_t each = pace();
    if (steps > 1) take(kv_.growth(progress_ + each, (steps - 1) * each, growing()));
    progress_ += steps * each;
    decode_kv_ += decoding_ * steps * each;
    decode_window_ += filling_ * steps * each;
    if (kv_.has_window()) fill_windows();
    finish_due();
  }
  for (const Chunk& chunk : chunks_) {
    Sequence& s = at(chunk.slot);
    s.computed += chunk.tokens;
    if (spec_.prefix_cache) publish_pages(chunk.slot);
    if (prompt_left(s) > 0) continue;
    if (s.generated == 0) first_tokens_.push_back(chunk.slot);
    ++s.generated;
    s.remaining -= spec_.pace.quanta;
    if (s.remaining <= 0) finish(chunk.slot);
    else start_decoding(chunk.slot);
  }
  due_.drop_outdated(sequences_);
  if (kv_.has_window()) full_.drop_outdated(sequences_);
  chunks_.clear();
}

}  // namespace tokenfab
