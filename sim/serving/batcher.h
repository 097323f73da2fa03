#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "sim/serving/executor.h"
#include "sim/serving/kv_blocks.h"

namespace tokenfab {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = UINT32_MAX;

struct BatcherSpec {
  std::string policy = "chunked";  // "chunked" (vLLM v1), "prefill-first" (vLLM v0) or "static"
  std::int64_t max_sequences = 256;
  std::int64_t token_budget = 8192;  // tokens per step
  std::int64_t max_waiting = 0;      // requests waiting before arrivals are rejected; 0 = no limit
  std::int64_t context = 0;          // longest prompt + output; 0 = no limit
  std::int64_t kv_blocks = 0;
  std::int32_t kv_block_tokens = 16;
  std::int64_t watermark_blocks = 0;
};

/// What a request asks of the batcher. Slots are reused after release().
struct Sequence {
  std::int32_t input = 0, output = 0;
  std::int32_t generated = 0;  // tokens sampled, brought up to date when the sequence leaves a phase
  std::int32_t preemptions = 0;
  std::int64_t computed = 0;  // KV tokens in cache; exact while waiting or prefilling, at entry while decoding
  std::int64_t entered = 0;   // decode step at which it joined the decoding sequences
  Slot older = kNoSlot, newer = kNoSlot;  // running sequences in admission order
  std::uint32_t epoch = 0;                // outdates entries of the finish heap
  bool decoding = false;
};

/// Iteration-level batching: decides what the next step contains and what follows from its completion. Knows steps,
/// not time; the same code drives the simulated and a real executor. All costs per step are independent of the batch
/// size: a running sequence's finish is a step number in a heap, its growth a residue count.
class Batcher {
 public:
  static std::unique_ptr<Batcher> make(const BatcherSpec& spec);
  virtual ~Batcher() = default;

  enum class Verdict { accepted, queue_full, too_long };
  /// Adds a request to the waiting queue. The slot is valid until release(); kNoSlot unless accepted.
  Verdict enqueue(std::int32_t input, std::int32_t output, Slot& slot);

  /// The next step; takes the KV blocks of its first repetition. Empty when nothing is waiting or running.
  const StepPlan& plan();
  /// The current plan ran `steps` times (1 .. repeats). Fills first_tokens() and finished().
  void complete(std::int64_t steps);

  /// Whether an arrival now would change the step after the running one (so that a span must be cut short).
  bool joinable() const { return waiting_.empty() && open_to_arrivals(); }

  const std::vector<Slot>& scheduled() const { return scheduled_; }        // first admitted by the last plan()
  const std::vector<Slot>& first_tokens() const { return first_tokens_; }  // at the end of the last complete()
  const std::vector<Slot>& finished() const { return finished_; }
  void release(Slot slot);

  const Sequence& sequence(Slot slot) const { return sequences_[slot]; }
  const StepPlan& current() const { return plan_; }
  const KvBlocks& kv() const { return kv_; }
  std::int64_t waiting() const { return static_cast<std::int64_t>(waiting_.size()); }
  std::int64_t running() const { return running_; }
  std::int64_t preemptions() const { return preemptions_; }
  std::int64_t recomputed_tokens() const { return recomputed_; }
  /// Throws InternalError where blocks or sequences do not add up; O(sequences).
  void check() const;

 protected:
  explicit Batcher(const BatcherSpec& spec);

  /// Fills plan_ from the state; leaves repeats 0 when idle.
  virtual void decide() = 0;
  /// Follows from `steps` runs of plan_.
  virtual void advance(std::int64_t steps);
  virtual bool splits_prompts() const { return false; }  // a prompt may exceed the token budget
  virtual bool open_to_arrivals() const { return running_ < spec_.max_sequences; }
  virtual std::int64_t held_blocks() const;  // by the running sequences, counted one by one
  struct Chunk {
    Slot slot;
    std::int64_t tokens;
  };
  Sequence& at(Slot slot) { return sequences_[slot]; }
  std::int64_t prompt_left(const Sequence& s) const { return s.input + s.generated - s.computed; }
  Slot pop_waiting();
  void add_running(Slot slot);
  void remove_running(Slot slot);
  /// Adds a prefill chunk to the plan (its blocks must have been checked) and takes its blocks.
  void add_chunk(Slot slot, std::int64_t tokens);
  void add_decodes();                // all decoding sequences join the plan
  void preempt(Slot slot);           // recompute: drops its cache, back to the front of the queue
  bool preempt_until_growth_fits();  // whether anything was preempted
  void start_decoding(Slot slot);
  void finish(Slot slot);
  void finish_due();  // decoding sequences whose last token came with this step
  std::int64_t cached_tokens(const Sequence& s) const {
    return s.decoding ? s.computed + (step_ - s.entered) : s.computed;
  }
  std::int64_t decode_span() const;  // steps until a finish or a shortage of blocks

  BatcherSpec spec_;
  KvBlocks kv_;
  StepPlan plan_;
  std::vector<Chunk> chunks_;
  std::deque<Slot> waiting_;
  std::int64_t running_ = 0;
  std::int64_t decoding_ = 0;
  std::int64_t decode_kv_ = 0;  // tokens in the caches of decoding sequences
  std::int64_t step_ = 0;       // decode steps so far
  Slot newest_ = kNoSlot, oldest_ = kNoSlot;
  std::vector<Slot> scheduled_, first_tokens_, finished_;

 private:
  struct Due {
    std::int64_t step;
    Slot slot;
    std::uint32_t epoch;
    /// The standard heap keeps the greatest on top: the earliest step, then the lowest slot.
    bool operator<(const Due& other) const { return step != other.step ? step > other.step : slot > other.slot; }
  };
  bool outdated(const Due& d) const { return sequences_[d.slot].epoch != d.epoch; }
  void drop_outdated();

  std::vector<Sequence> sequences_;
  std::vector<Slot> unused_;
  std::vector<Due> due_;  // min-heap by (step, slot)
  std::int64_t preemptions_ = 0, recomputed_ = 0;
};

}  // namespace tokenfab
