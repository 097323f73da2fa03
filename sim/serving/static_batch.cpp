#include <algorithm>

#include "sim/serving/policies.h"

namespace tokenfab {

void StaticBatcher::take_batch() {
  std::int64_t longest_output = 0;
  padded_input_ = generated_ = blocks_ = 0;
  next_ = 0;
  batch_.clear();
  while (!waiting_.empty() && running_ < spec_.max_sequences) {
    const Sequence& s = at(waiting_.front());
    const std::int64_t input = std::max<std::int64_t>(padded_input_, s.input);
    const std::int64_t output = std::max<std::int64_t>(longest_output, s.output);
    const std::int64_t blocks = (running_ + 1) * kv_.blocks_for(input + output - 1);
    if (blocks > kv_.free()) break;
    padded_input_ = input;
    longest_output = output;
    blocks_ = blocks;
    const Slot slot = pop_waiting();
    add_running(slot);
    batch_.push_back(slot);
  }
  kv_.take(blocks_);
  std::stable_sort(batch_.begin(), batch_.end(), [&](Slot a, Slot b) { return at(a).output < at(b).output; });
}

void StaticBatcher::decide() {
  if (running_ == 0 && !waiting_.empty()) take_batch();
  if (batch_.empty()) return;
  const auto width = static_cast<std::int64_t>(batch_.size());
  const std::int64_t length = padded_input_ + generated_, window = spec_.window.tokens;
  StepSums& sums = plan_.sums;
  if (generated_ == 0) {
    plan_.repeats = 1;
    for (std::int64_t i = 0; i < width; ++i) sums.add_chunk(0, padded_input_, true, window);
    return;
  }
  plan_.repeats = at(batch_[next_]).output - generated_;
  sums.decode_sequences = width;
  sums.decode_kv_tokens = width * length;
  sums.decode_window_tokens = width * std::min(length, window);
  if (length >= window) return;
  sums.decode_filling = width;
  plan_.repeats = std::min(plan_.repeats, window - length);
}

void StaticBatcher::advance(std::int64_t steps) {
  if (generated_ == 0) first_tokens_ = batch_;
  generated_ += steps;
  for (; next_ < batch_.size() && at(batch_[next_]).output == generated_; ++next_) {
    at(batch_[next_]).generated = at(batch_[next_]).output;
    finished_.push_back(batch_[next_]);
    remove_running(batch_[next_]);
  }
  if (next_ < batch_.size()) return;
  kv_.give(blocks_);
  blocks_ = 0;
  batch_.clear();
}

}  // namespace tokenfab
