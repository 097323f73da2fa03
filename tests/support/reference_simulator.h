#pragma once
#include <algorithm>
#include <deque>
#include <vector>

#include "hwmodels/step_model.h"
#include "sim/serving/batcher.h"
#include "sim/workload/request.h"

namespace tokenfab::testing {

/// One replica, one step at a time, every sequence visited in every step, blocks counted per sequence: the slow,
/// obvious way. Shares nothing with the batcher under test but the policy's description and the step model.
class ReferenceSimulator {
 public:
  struct Outcome {
    Ns first_token = -1, finish = -1;
    int preemptions = 0;
    bool rejected = false;
  };

  ReferenceSimulator(BatcherSpec spec, const StepModel& model)
      : spec_(std::move(spec)), model_(model), free_(spec_.kv_blocks) {}

  std::vector<Outcome> run(const std::vector<Request>& requests) {
    outcomes_.assign(requests.size(), {});
    std::size_t next = 0;
    while (next < requests.size() || !waiting_.empty() || !running_.empty()) {
      const bool idle = waiting_.empty() && running_.empty() && ticks_from_ns(requests[next].arrival) > now_;
      if (idle) now_ = ticks_from_ns(requests[next].arrival);
      for (; next < requests.size() && ticks_from_ns(requests[next].arrival) <= now_; ++next) {
        enqueue(requests[next], next);
        if (idle && !waiting_.empty()) {  // the first arrival starts a step by itself
          ++next;
          break;
        }
      }
      if (!waiting_.empty() || !running_.empty()) step();
    }
    return outcomes_;
  }

 private:
  struct Seq {
    std::size_t id;
    std::int64_t input, output, generated = 0, computed = 0;
    bool decoding = false;
  };

  std::int64_t blocks(std::int64_t tokens) const {
    return (tokens + spec_.kv_block_tokens - 1) / spec_.kv_block_tokens;
  }

  void enqueue(const Request& r, std::size_t id) {
    const std::int64_t most = std::int64_t{r.input_tokens} + r.output_tokens - 1;
    const bool too_long = blocks(most) > spec_.kv_blocks - spec_.watermark_blocks ||
                          (spec_.policy == "prefill-first" && most > spec_.token_budget);
    const bool full = spec_.max_waiting > 0 && static_cast<std::int64_t>(waiting_.size()) >= spec_.max_waiting;
    if (too_long || full) outcomes_[id].rejected = true;
    else waiting_.push_back({id, r.input_tokens, r.output_tokens});
  }

  void preempt_last() {
    Seq s = running_.back();
    running_.pop_back();
    free_ += blocks(s.computed);
    s.computed = 0;
    s.decoding = false;
    ++outcomes_[s.id].preemptions;
    waiting_.push_front(s);
  }

  /// One block at a time in running order, as an engine's scheduler loop does.
  bool grow_decodes() {
    bool preempted = false;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      if (!running_[i].decoding || running_[i].computed % spec_.kv_block_tokens != 0) continue;
      while (free_ == 0 && i < running_.size()) {
        preempt_last();
        preempted = true;
      }
      if (i < running_.size()) --free_;
    }
    return preempted;
  }

  void add_chunk(Seq& s, std::int64_t tokens, StepSums& sums,
                 std::vector<std::pair<std::size_t, std::int64_t>>& chunks) {
    free_ -= blocks(s.computed + tokens) - blocks(s.computed);
    ++sums.prefill_sequences;
    sums.prefill_tokens += tokens;
    for (std::int64_t t = 1; t <= tokens; ++t) sums.prefill_attention += s.computed + t;
    sums.prefill_kv_tokens += s.computed + tokens;
    if (s.computed + tokens == s.input + s.generated) ++sums.prefill_outputs;
    chunks.emplace_back(s.id, tokens);
  }

  void step() {
    StepSums sums;
    std::vector<std::pair<std::size_t, std::int64_t>> chunks;
    bool decode_now = true;
    if (spec_.policy == "chunked") {
      bool preempted = grow_decodes();
      std::int64_t budget = spec_.token_budget;
      for (const Seq& s : running_) budget -= s.decoding;
      if (!running_.empty() && !running_.back().decoding) {
        Seq& s = running_.back();
        const std::int64_t tokens = std::min(s.input + s.generated - s.computed, budget);
        if (blocks(s.computed + tokens) - blocks(s.computed) > free_) {
          preempt_last();
          preempted = true;
        } else if (tokens > 0) {
          add_chunk(s, tokens, sums, chunks);
          budget -= tokens;
        }
      }
      while (!preempted && !waiting_.empty() && budget > 0 && room()) {
        Seq s = waiting_.front();
        const std::int64_t tokens = std::min(s.input + s.generated - s.computed, budget);
        if (free_ - blocks(tokens) < spec_.watermark_blocks) break;
        waiting_.pop_front();
        running_.push_back(s);
        add_chunk(running_.back(), tokens, sums, chunks);
        budget -= tokens;
      }
    } else {
      std::int64_t budget = spec_.token_budget;
      while (!waiting_.empty() && room()) {
        Seq s = waiting_.front();
        const std::int64_t tokens = s.input + s.generated;
        if (tokens > budget || free_ - blocks(tokens) < spec_.watermark_blocks) break;
        waiting_.pop_front();
        running_.push_back(s);
        add_chunk(running_.back(), tokens, sums, chunks);
        budget -= tokens;
      }
      decode_now = chunks.empty();
      if (decode_now) grow_decodes();
    }
    if (decode_now)
      for (const Seq& s : running_)
        if (s.decoding) ++sums.decode_sequences, sums.decode_kv_tokens += s.computed + 1;
    now_ += sums.prefill_tokens == 0 ? model_.decode_line(sums.decode_sequences).at(sums.decode_kv_tokens)
                                     : ticks_from_seconds(model_.evaluate(sums).total());
    finish_step(decode_now, chunks);
  }

  void finish_step(bool decoded, const std::vector<std::pair<std::size_t, std::int64_t>>& chunks) {
    for (Seq& s : running_) {
      if (s.decoding) {
        if (decoded) ++s.computed, ++s.generated;
        continue;
      }
      for (const auto& [id, tokens] : chunks)
        if (id == s.id) s.computed += tokens;
      if (s.computed < s.input + s.generated) continue;
      if (s.generated++ == 0) outcomes_[s.id].first_token = floor_ns(now_);
      s.decoding = true;
    }
    std::erase_if(running_, [&](const Seq& s) {
      if (s.generated < s.output) return false;
      outcomes_[s.id].finish = floor_ns(now_);
      free_ += blocks(s.computed);
      return true;
    });
  }

  bool room() const { return static_cast<std::int64_t>(running_.size()) < spec_.max_sequences; }

  BatcherSpec spec_;
  const StepModel& model_;
  std::int64_t free_;
  Ticks now_ = -1;  // idle before time zero
  std::deque<Seq> waiting_;
  std::vector<Seq> running_;
  std::vector<Outcome> outcomes_;
};

}  // namespace tokenfab::testing
