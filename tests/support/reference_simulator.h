#pragma once
#include <algorithm>
#include <deque>
#include <vector>

#include "hwmodels/step_model.h"
#include "sim/serving/batcher.h"
#include "sim/workload/request.h"

namespace tokenfab::testing {

/// One replica, one step at a time, every sequence visited in every step, blocks counted per sequence: the slow,
/// obvious way. Shares nothing with the batcher under test but the policy's description and the step model. Lengths and
/// progress in quanta (1/pace.quanta tokens).
class ReferenceSimulator {
 public:
  struct Outcome {
    Ns first_token = -1, finish = -1;
    int preemptions = 0;
    bool rejected = false;
  };

  /// `service`: of each request, the quanta until it is done; empty: output * quanta.
  ReferenceSimulator(BatcherSpec spec, const StepModel& model, std::vector<std::int64_t> service = {})
      : spec_(std::move(spec)), model_(model), service_(std::move(service)), free_(spec_.kv_blocks) {}

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
    std::int64_t input, output, service, done = 0, tokens = 0, computed = 0;  // tokens: generated; computed: quanta
    std::int64_t decode_from = 0, done_before = 0;  // tokens and quanta when it began to decode
    bool decoding = false;
    std::int64_t prompt() const { return input + tokens; }
  };

  std::int64_t quanta() const { return spec_.pace.quanta; }
  std::int64_t pages(std::int64_t length) const {
    const std::int64_t page = spec_.kv_block_tokens * quanta();
    return (length + page - 1) / page;
  }
  std::int64_t blocks(std::int64_t length) const {
    const std::int64_t window = spec_.window.tokens * quanta();
    if (window == 0) return pages(length);
    return pages(length) * spec_.window.full_pages + pages(std::min(length, window)) * spec_.window.window_pages;
  }
  /// Quanta for which a sequence with so many computed holds pages: drafts included once it decodes.
  std::int64_t held(const Seq& s, std::int64_t computed) const {
    const bool decodes = s.decoding || (computed >= s.prompt() * quanta() && s.service - s.done > quanta());
    return computed + (decodes ? spec_.pace.lookahead * quanta() : 0);
  }
  std::int64_t blocks_of(const Seq& s) const { return blocks(held(s, s.computed)); }

  void enqueue(const Request& r, std::size_t id) {
    const std::int64_t service = service_.empty() ? r.output_tokens * quanta() : service_[id];
    const std::int64_t outputs = std::max<std::int64_t>(r.output_tokens, (service + quanta() - 1) / quanta());
    const std::int64_t most = r.input_tokens + outputs - 1;
    const bool too_long = blocks((most + spec_.pace.lookahead) * quanta()) > spec_.kv_blocks - spec_.watermark_blocks ||
                          (spec_.policy == "prefill-first" && most > spec_.token_budget);
    const bool full = spec_.max_waiting > 0 && static_cast<std::int64_t>(waiting_.size()) >= spec_.max_waiting;
    if (too_long || full) outcomes_[id].rejected = true;
    else waiting_.push_back({id, r.input_tokens, r.output_tokens, service});
  }

  void preempt_last() {
    Seq s = running_.back();
    running_.pop_back();
    free_ += blocks_of(s);
    if (s.decoding) s.tokens = std::min(s.output - 1, s.decode_from + (s.done - s.done_before) / quanta());
    s.computed = 0;
    s.decoding = false;
    ++outcomes_[s.id].preemptions;
    waiting_.push_front(s);
  }

  std::int64_t decoding() const {
    return std::count_if(running_.begin(), running_.end(), [](const Seq& s) { return s.decoding; });
  }

  /// What one more step takes, for all; the newest sequences go until it fits.
  bool grow_decodes() {
    bool preempted = false;
    for (;;) {
      const std::int64_t pace = spec_.pace.at(decoding());
      std::int64_t wanted = 0;
      for (const Seq& s : running_)
        if (s.decoding) wanted += growth(s, pace);
      if (wanted <= free_) break;
      preempt_last();
      preempted = true;
    }
    return preempted;
  }
  /// A window that is full at the start of a step takes no more pages; one that fills up takes them to the step's end.
  std::int64_t growth(const Seq& s, std::int64_t pace) const {
    const std::int64_t from = held(s, s.computed), to = from + pace, window = spec_.window.tokens * quanta();
    if (window == 0) return pages(to) - pages(from);
    return (pages(to) - pages(from)) * (spec_.window.full_pages + (from < window ? spec_.window.window_pages : 0));
  }

  void add_chunk(Seq& s, std::int64_t tokens, StepSums& sums,
                 std::vector<std::pair<std::size_t, std::int64_t>>& chunks) {
    const std::int64_t before = s.computed / quanta(), window = spec_.window.tokens;
    free_ -= blocks(held(s, s.computed + tokens * quanta())) - blocks_of(s);
    ++sums.prefill_sequences;
    sums.prefill_tokens += tokens;
    for (std::int64_t t = 1; t <= tokens; ++t) {
      sums.prefill_attention += before + t;
      sums.prefill_window_attention += std::min(before + t, window);
    }
    sums.prefill_kv_tokens += before + tokens;
    if (window > 0) sums.prefill_window_tokens += std::min(before + tokens, window + tokens);
    if (before + tokens == s.prompt()) ++sums.prefill_outputs;
    chunks.emplace_back(s.id, tokens);
  }

  /// Of the prompt's next tokens, those with which the step takes no longer than it may; `cut`: not all of them.
  std::int64_t within_bound(const Seq& s, std::int64_t tokens, StepSums sums, bool& cut) const {
    const double bound = spec_.scheduling.max_step_s;
    if (bound <= 0 || decoding() == 0) return tokens;
    for (const Seq& other : running_)
      if (other.decoding) add_decode(other, sums);
    const auto fits = [&](std::int64_t some) {
      StepSums all = sums;
      all.add_chunk(s.computed / quanta(), some, s.computed / quanta() + some == s.prompt(), spec_.window.tokens);
      return model_.evaluate(all).total() <= bound;
    };
    if (fits(tokens)) return tokens;
    cut = true;
    if (!fits(1)) return 0;
    std::int64_t fitting = 1;
    while (tokens - fitting > 1) {
      const std::int64_t half = (tokens - fitting) / 2;
      if (fits(fitting + half)) fitting += half;
      else tokens = fitting + half;
    }
    return fitting;
  }

  void step() {
    StepSums sums;
    std::vector<std::pair<std::size_t, std::int64_t>> chunks;
    bool decode_now = true, cut = false;
    if (spec_.policy == "chunked") {
      bool preempted = grow_decodes();
      std::int64_t budget = spec_.token_budget - decoding() * (1 + spec_.pace.lookahead);
      for (Seq& s : running_)
        if (s.decoding) free_ -= growth(s, spec_.pace.at(decoding()));
      if (!running_.empty() && !running_.back().decoding) {
        Seq& s = running_.back();
        std::int64_t tokens = std::min(s.prompt() - s.computed / quanta(), budget);
        if (tokens > 0) tokens = within_bound(s, tokens, sums, cut);
        if (tokens > 0 && blocks(held(s, s.computed + tokens * quanta())) - blocks_of(s) > free_) {
          preempt_last();
          preempted = true;
        } else if (tokens > 0) {
          add_chunk(s, tokens, sums, chunks);
          budget -= tokens;
        }
      }
      while (!preempted && !cut && !waiting_.empty() && budget > 0 && room()) {
        Seq s = waiting_.front();
        const std::int64_t tokens = within_bound(s, std::min(s.prompt(), budget), sums, cut);
        if (tokens == 0) break;
        if (free_ - blocks(held(s, tokens * quanta())) < spec_.watermark_blocks) break;
        waiting_.pop_front();
        running_.push_back(s);
        add_chunk(running_.back(), tokens, sums, chunks);
        budget -= tokens;
      }
    } else {
      std::int64_t budget = spec_.token_budget;
      while (!waiting_.empty() && room()) {
        Seq s = waiting_.front();
        const std::int64_t tokens = s.prompt();
        if (tokens > budget || free_ - blocks(held(s, tokens * quanta())) < spec_.watermark_blocks) break;
        waiting_.pop_front();
        running_.push_back(s);
        add_chunk(running_.back(), tokens, sums, chunks);
        budget -= tokens;
      }
      decode_now = chunks.empty();
      if (decode_now) {
        grow_decodes();
        for (Seq& s : running_)
          if (s.decoding) free_ -= growth(s, spec_.pace.at(decoding()));
      }
    }
    if (decode_now)
      for (const Seq& s : running_)
        if (s.decoding) add_decode(s, sums);
    now_ += sums.prefill_tokens == 0 ? model_.decode_line(sums.decode_sequences).at(model_.kv_units(sums))
                                     : ticks_from_seconds(model_.evaluate(sums).total());
    finish_step(decode_now, chunks);
  }

  void add_decode(const Seq& s, StepSums& sums) const {
    const std::int64_t window = spec_.window.tokens * quanta();
    ++sums.decode_sequences;
    sums.decode_kv_tokens += s.computed + (1 + spec_.pace.lookahead) * quanta();
    if (window == 0) return;
    const bool filling = held(s, s.computed) < window;
    sums.decode_filling += filling;
    sums.decode_window_tokens += filling ? held(s, s.computed) + quanta() : window;
  }

  void finish_step(bool decoded, const std::vector<std::pair<std::size_t, std::int64_t>>& chunks) {
    const std::int64_t pace = spec_.pace.at(decoding()), window = spec_.window.tokens * quanta();
    for (Seq& s : running_) {
      if (s.decoding) {
        if (!decoded) continue;
        const std::int64_t before = held(s, s.computed);
        s.computed += pace;
        s.done += pace;
        const std::int64_t now = held(s, s.computed);
        if (window > 0 && before < window && now > window)
          free_ += (pages(now) - pages(window)) * spec_.window.window_pages;
        continue;
      }
      for (const auto& [id, tokens] : chunks)
        if (id == s.id) s.computed += tokens * quanta();
      if (s.computed < s.prompt() * quanta()) continue;
      if (s.tokens == 0) outcomes_[s.id].first_token = floor_ns(now_);
      ++s.tokens;
      s.done += quanta();
      s.decoding = s.done < s.service;
      s.done_before = s.done;
      s.decode_from = s.tokens;
    }
    std::erase_if(running_, [&](const Seq& s) {
      if (s.done < s.service) return false;
      outcomes_[s.id].finish = floor_ns(now_);
      free_ += blocks_of(s);
      return true;
    });
  }

  bool room() const { return static_cast<std::int64_t>(running_.size()) < spec_.max_sequences; }

  BatcherSpec spec_;
  const StepModel& model_;
  std::vector<std::int64_t> service_;
  std::int64_t free_;
  Ticks now_ = -1;  // idle before time zero
  std::deque<Seq> waiting_;
  std::vector<Seq> running_;
  std::vector<Outcome> outcomes_;
};

}  // namespace tokenfab::testing
