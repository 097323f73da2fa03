#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "sim/serving/batcher_spec.h"
#include "sim/serving/due_heap.h"
#include "sim/serving/prefix_index.h"
#include "sim/serving/sequence.h"
#include "sim/serving/variant_cache.h"
#include "sim/serving/waiting_queue.h"

namespace tokenfab {

/// Iteration-level batching: decides what the next step contains and what follows from its completion. Knows steps,
/// not time; the same code drives the simulated and a real executor. All costs per step are independent of the batch
/// size: a running sequence's finish is an amount of progress in a heap, its growth a residue count.
class Batcher {
 public:
  static std::unique_ptr<Batcher> make(const BatcherSpec& spec);
  virtual ~Batcher() = default;

  struct Chunk {
    Slot slot;
    std::int64_t from, tokens;  // computes prompt tokens [from, from + tokens), recomputed output included
  };

  enum class Verdict { accepted, queue_full, too_long };
  /// Adds a request to the waiting queue. The slot is valid until release(); kNoSlot unless accepted. `service`: quanta
  /// by which it progresses until it is done, the first token's included; 0: output * quanta. Throws UserError where
  /// its variant is not one of the pool's.
  Verdict enqueue(std::int32_t input, std::int32_t output, Slot& slot, std::int64_t service = 0,
                  const Standing& standing = {});
  /// The same for a request of `output` > 1 tokens whose prompt was computed and whose first token was sampled
  /// elsewhere: its cache comes with it, takes blocks when it is admitted, and decodes from that step on. `max_waiting`
  /// does not hold; static batching cannot, nor can it displace running sequences. Needs fits_cached().
  Slot enqueue_cached(std::int32_t input, std::int32_t output, std::int64_t service = 0, const Standing& standing = {});
  bool fits_cached(std::int32_t input, std::int32_t output, std::int64_t service = 0) const;

  /// Of the accepted slot's prompt, tokens that come out of an image encoder. Before the next plan().
  void set_encoder(Slot slot, std::int32_t tokens) { at(slot).encoder = tokens; }
  /// The chained hashes of the prompt's whole prefix blocks, before the next plan(). Needs spec.prefix_cache.
  void set_prefix(Slot slot, std::vector<std::uint64_t> hashes);

  /// Of the accepted slot's prompt, tokens that a cache held when it was recorded, before the next plan(): they are not
  /// computed, and take blocks as others do. Not with spec.prefix_cache, which finds out by itself; a policy that keeps
  /// no cache between steps ("static") computes them all the same.
  void set_recorded_hits(Slot slot, std::int32_t tokens);
  /// The next step; takes the KV blocks of its first repetition. Empty when nothing is waiting or running. `now` only
  /// ages unused prefix blocks.
  const StepPlan& plan(Ticks now = 0);
  /// In the step that is about to be completed, a decoding sequence gained `extra` tokens beyond its one (accepted
  /// drafts; at most spec.draft_tokens, and not beyond its output).
  void gain(Slot slot, std::int32_t extra);
  /// The current plan ran `steps` times (1 .. repeats). Fills first_tokens() and finished().
  void complete(std::int64_t steps, Ticks now = 0);
  /// The run stops within repetition `steps` + 1 of the current plan: takes the blocks of those up to it.
  void stop(std::int64_t steps) { take(kv_.growth(progress_ + pace(), steps * pace(), growing())); }

  /// Whether the request just accepted into `slot` may change the step after the running one (so that a span must be
  /// cut short): it is the next to be admitted, and there is a place for it or it can make one.
  bool joinable(Slot slot) const {
    return waiting_.front() == slot && (open_to_arrivals() || displaces(sequences_[slot]));
  }

  const std::vector<Slot>& scheduled() const { return scheduled_; }        // first admitted by the last plan()
  const std::vector<Slot>& first_tokens() const { return first_tokens_; }  // at the end of the last complete()
  const std::vector<Slot>& finished() const { return finished_; }
  /// The blocks of a finished sequence become free (spec.hold_finished).
  void drop(Slot slot);
  void release(Slot slot);

  const Sequence& sequence(Slot slot) const { return sequences_[slot]; }
  /// Tokens in the slot's cache after `steps` repetitions of the current plan.
  std::int64_t cached_after(Slot slot, std::int64_t steps) const {
    const Sequence& s = sequences_[slot];
    return s.decoding ? s.computed + (progress_ + steps * pace() - s.entered) / spec_.pace.quanta : s.computed;
  }
  const StepPlan& current() const { return plan_; }
  const BatcherSpec& spec() const { return spec_; }
  const std::vector<Chunk>& chunks() const { return chunks_; }  // prefill work of the current plan
  /// Calls visit(slot, cached tokens) for every sequence that decodes in the current plan, oldest first.
  template <class Visit>
  void each_decoding(Visit&& visit) const {
    if (plan_.sums.decode_sequences == 0) return;
    for (Slot slot = oldest_; slot != kNoSlot; slot = sequences_[slot].newer)
      if (sequences_[slot].decoding) visit(slot, cached_tokens(sequences_[slot]));
  }
  /// Since the last call; empty unless spec.log_kv.
  std::vector<KvEvent> take_kv_events() { return std::exchange(kv_events_, {}); }
  /// Counted as free: evicted when wanted.
  std::int64_t unused_known_pages() const { return index_.unused() * spec_.prefix_pages; }
  std::int64_t reused_tokens() const { return reused_; }  // prompt tokens found in known pages, preempted ones again

  /// What the prefix cache did so far. Levels: 0 the chips' memory, then spec.tiers.
  struct PrefixUse {
    std::int64_t looked_up = 0;             // prompt tokens of sequences at their first admission
    std::vector<std::int64_t> hit_tokens;   // of looked_up, by level
    std::vector<std::int64_t> read_blocks;  // brought to the chips, by level; preempted sequences' again
  };
  const PrefixUse& prefix_use() const { return prefix_use_; }
  const CacheTiers& tiers() const { return tiers_; }
  const KvBlocks& kv() const { return kv_; }
  std::int64_t waiting() const { return static_cast<std::int64_t>(waiting_.size()); }
  std::int64_t running() const { return running_; }
  std::int64_t preemptions() const { return preemptions_; }
  std::int64_t recomputed_tokens() const { return recomputed_; }
  std::int64_t kept_blocks() const { return kept_; }               // of finished sequences
  std::int64_t swapped_blocks() const { return swapped_blocks_; }  // out and in
  std::int64_t variant_loads() const { return variant_loads_; }
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
  Sequence& at(Slot slot) { return sequences_[slot]; }
  std::int64_t prompt_left(const Sequence& s) const { return s.input + s.generated - s.computed; }
  std::int64_t step_tokens() const {
    return 1 + spec_.draft_tokens + spec_.pace.lookahead;
  }  // a decoding sequence's, at most
  std::int64_t pace() const { return spec_.pace.at(decoding_); }
  KvBlocks::Growing growing() const { return {decoding_, filling_}; }
  /// Blocks that the next step may take.
  std::int64_t growth() const { return kv_.growth(progress_, pace() + spec_.draft_tokens, growing()); }
  void take(std::int64_t blocks);  // evicts known pages that nobody uses where free blocks alone do not suffice

  /// Whether the first waiting request has a slot, its class's share allows it and its variant can run.
  bool may_start() const {
    if (waiting_.empty() || running_ >= spec_.max_sequences) return false;
    const Sequence& s = sequences_[waiting_.front()];
    if (is_batch(s) && batch_running_ >= batch_slots_) return false;
    return spec_.scheduling.variants.count == 0 || variants_.can_run(s.variant);
  }
  bool prompt_may_start() const { return may_start() && !sequences_[waiting_.front()].arrived; }
  /// Whether an interactive request is next that may displace running sequences of the batch class.
  bool wants_room() const {
    return spec_.scheduling.preempt && !waiting_.empty() && displaces(sequences_[waiting_.front()]);
  }
  /// Where it does and slots or blocks are short, displaces them, newest first, if that is enough. `growth`: blocks
  /// that the step takes besides. Returns whether it displaced any.
  bool make_room(std::int64_t budget, std::int64_t growth);
  /// Prompt tokens that the batch class may have in a step.
  std::int64_t batch_tokens() const { return batch_part(spec_, spec_.token_budget); }
  bool is_batch(const Sequence& s) const { return s.priority >= kBatchPriority; }
  Slot first_waiting() const { return waiting_.front(); }

  /// What the first waiting prompt would take with at most `budget` tokens: what is cached, computed, taken.
  struct Admission {
    std::int64_t cached = 0, tokens = 0, blocks = 0;
  };
  Admission admission(std::int64_t budget) const;
  /// Whether `admission` was refused for want of blocks and may yet be granted while nothing but time passes: cached
  /// blocks that others evict, or that grow too old, shrink a prompt's first chunk.
  bool may_shrink(const Admission& admission) const { return spec_.prefix_cache && admission.cached > 0; }
  void admit(const Admission& admission);  // the first waiting prompt
  void join_arrived();                     // the first waiting ones, as far as their caches and the next step fit
  Slot pop_waiting();
  void add_running(Slot slot);
  void remove_running(Slot slot);
  /// Adds a prefill chunk to the plan (its blocks must have been checked) and takes its blocks.
  void add_chunk(Slot slot, std::int64_t tokens);
  void add_decodes();                // all decoding sequences join the plan
  void preempt(Slot slot);           // back to the front of its class; its cache is dropped, or swapped to the host
  bool preempt_until_growth_fits();  // whether anything was preempted
  void start_decoding(Slot slot);
  void finish(Slot slot);
  void finish_due();  // decoding sequences whose last token came with this step
  std::int64_t cached_tokens(const Sequence& s) const {
    return s.decoding ? s.computed + (progress_ - s.entered) / spec_.pace.quanta : s.computed;
  }
  /// Quanta for which a sequence holds pages.
  std::int64_t held_length(const Sequence& s) const;
  /// The same for one that does not decode, with `computed` tokens cached.
  std::int64_t length_with(const Sequence& s, std::int64_t computed) const;
  /// Blocks that `tokens` more prompt tokens take; of a sequence that does not decode.
  std::int64_t chunk_blocks(const Sequence& s, std::int64_t tokens) const;
  std::int64_t decode_span() const;  // steps until a finish, a full window or a shortage of blocks

  BatcherSpec spec_;
  KvBlocks kv_;
  StepPlan plan_;
  std::vector<Chunk> chunks_;
  WaitingQueue waiting_;
  std::int64_t running_ = 0;
  std::int64_t decoding_ = 0;
  std::int64_t filling_ = 0;        // of decoding_
  std::int64_t decode_kv_ = 0;      // quanta in the caches of decoding sequences
  std::int64_t decode_window_ = 0;  // the same within their windows, drafts included
  std::int64_t progress_ = 0;       // quanta by which every decoding sequence has advanced so far
  Slot newest_ = kNoSlot, oldest_ = kNoSlot;
  std::vector<Slot> scheduled_, first_tokens_, finished_;

 private:
  Sequence fresh(std::int32_t input, std::int32_t output, std::int64_t service) const;
  bool too_long(const Sequence& fresh) const;
  Slot add(const Sequence& fresh, const Standing& standing);
  /// A slot's prompt blocks by hash, and how many of them it shares from the start.
  struct Prefix {
    std::vector<std::uint64_t> hashes;
    std::int64_t shared = 0;
    bool closed = false;  // no further block of this slot can be published
  };
  std::int64_t shared_pages(Slot slot) const {
    return spec_.prefix_cache ? prefixes_[slot].shared * spec_.prefix_pages : 0;
  }
  std::int64_t prefix_block_tokens() const { return kv_.block_tokens() * spec_.prefix_pages; }
  Ticks oldest() const { return spec_.prefix_life > 0 ? now_ - spec_.prefix_life : PrefixIndex::kForever; }
  std::size_t level_of(std::uint64_t hash) const;
  std::int64_t find_prefix(const Prefix& prefix) const;
  std::int64_t adopt(Slot slot, std::int64_t block);
  struct Hits {  // of one prompt in one level
    std::int64_t blocks = 0, tokens = 0;
    void add(std::int64_t more) { ++blocks, tokens += more; }
  };
  void count_hits(Slot slot, std::int64_t cached, const std::vector<Hits>& by_level);
  void log(KvEvent::Kind kind, Slot slot, std::int64_t page, std::int64_t id) {
    if (spec_.log_kv) kv_events_.push_back({kind, slot, page, id});
  }
  void share_prefix(Slot slot, std::int64_t cached);
  void take_recorded(Slot slot, std::int64_t cached);
  void publish_pages(Slot slot);
  void give_back(Slot slot, std::int64_t blocks);
  void settle_drafts();
  static void check_scheduling(const BatcherSpec& spec);
  static std::int64_t batch_part(const BatcherSpec& spec, std::int64_t whole);
  void stop_decoding(Slot slot);
  void swap_out(Slot slot);
  void swap_in(Slot slot);
  void count_swap(std::int64_t blocks);
  Slot victim() const;
  bool displaces(const Sequence& s) const { return spec_.scheduling.preempt && batch_running_ > 0 && !is_batch(s); }
  void fill_windows();

  std::vector<Sequence> sequences_;
  std::vector<Slot> unused_;
  DueHeap due_, full_;  // when sequences end; when their windows are full
  std::int64_t preemptions_ = 0, recomputed_ = 0, reused_ = 0, kept_ = 0, swapped_blocks_ = 0, variant_loads_ = 0;
  std::int64_t batch_slots_;  // most batch-class sequences running
  std::int64_t batch_running_ = 0;
  VariantCache variants_;
  Ticks now_ = 0;
  PrefixIndex index_;
  CacheTiers tiers_;
  PrefixUse prefix_use_;
  std::vector<Prefix> prefixes_;  // by slot; empty without prefix_cache
  std::vector<KvEvent> kv_events_;
  std::vector<std::pair<Slot, std::int32_t>> gains_;
};

}  // namespace tokenfab
