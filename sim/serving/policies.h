#pragma once
#include <algorithm>
#include <vector>

#include "sim/serving/batcher.h"

namespace tokenfab {

/// vLLM v1, or stall-free where steps are bounded (scheduling.max_step_s): every step takes all decoding sequences,
/// then the unfinished prompt, then waiting prompts, within the token budget. At most one prompt, the newest, is partly
/// prefilled; where the batch class has only a share of the budget, one more of that class. A shortage of blocks
/// preempts the newest sequences, and no prompt is admitted in that step.
class ChunkedBatcher final : public Batcher {
 public:
  explicit ChunkedBatcher(const BatcherSpec& spec) : Batcher(spec) {}

 protected:
  void decide() override;
  bool splits_prompts() const override { return true; }

 private:
  struct Budget {
    std::int64_t all, batch;  // tokens left in the step, and what the batch class may take of them
    bool cut = false;         // a prompt had to leave tokens for a later step, so that this one stays short
    std::int64_t of(bool batch_class) const { return batch_class ? std::min(all, batch) : all; }
    void spend(bool batch_class, std::int64_t tokens) {
      all -= tokens;
      if (batch_class) batch -= tokens;
    }
  };
  std::int64_t left_by_decodes() const;
  /// Of the prompt's next `tokens` from `from` on, those that keep the step within its bound, found by halving.
  std::int64_t within_bound(const Sequence& s, std::int64_t from, std::int64_t tokens, Budget& budget) const;
  bool continue_prompts(Budget& budget);  // false where one was preempted for want of blocks
  /// Returns whether a prompt had to wait for blocks that it may not need a step later (may_shrink).
  bool admit_waiting(Budget& budget, bool displaced);

  std::vector<Slot> partial_;  // prompts partly prefilled, those of the batch class last
};

/// vLLM v0: whole prompts first, in a step of their own; decoding waits meanwhile.
class PrefillFirstBatcher final : public Batcher {
 public:
  explicit PrefillFirstBatcher(const BatcherSpec& spec) : Batcher(spec) {}

 protected:
  void decide() override;

 private:
  bool admit_waiting(bool displaced);
};

/// Naive serving: a batch is taken when the last one is over, prompts are padded to the longest, and every slot runs
/// (and holds its cache) until the longest output is done. A request's tokens stream as they are generated.
class StaticBatcher final : public Batcher {
 public:
  explicit StaticBatcher(const BatcherSpec& spec) : Batcher(spec) {}

 protected:
  void decide() override;
  void advance(std::int64_t steps) override;
  bool splits_prompts() const override { return true; }
  bool open_to_arrivals() const override { return false; }
  std::int64_t held_blocks() const override { return blocks_; }

 private:
  void take_batch();

  std::vector<Slot> batch_;  // by output length, longest last
  std::int64_t padded_input_ = 0;
  std::int64_t generated_ = 0;  // tokens per sequence so far
  std::int64_t blocks_ = 0;     // taken for the whole padded batch at its start
  std::size_t next_ = 0;        // first of batch_ still generating
};

}  // namespace tokenfab
