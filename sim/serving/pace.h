#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/rng.h"

namespace tokenfab {

/// How decoding sequences advance where a step may yield more than one token each: in quanta of 1/`quanta` tokens, all
/// by the same number a step, whatever the step's drafts became; after how many steps a sequence ends is drawn
/// beforehand (DraftLuck), so that spans stay closed forms.
struct Pace {
  std::int32_t quanta = 1;
  std::vector<std::int32_t>
      by_sequences;            // quanta a step, by the number decoding (the last for more); empty: one token
  std::int32_t lookahead = 0;  // most tokens drafted a step: pages are held for them
  std::int64_t at(std::int64_t decoding) const {
    if (by_sequences.empty()) return quanta;
    return by_sequences[std::min(static_cast<std::size_t>(decoding), by_sequences.size() - 1)];
  }
};

/// After how many steps speculative decoding has yielded a number of tokens, when each step independently yields 1 + i
/// of them with chance gains[i]. O(1) a draw for long outputs.
class DraftLuck {
 public:
  explicit DraftLuck(std::vector<double> gains);

  /// The fewest steps whose tokens are at least `tokens`. Up to kExact tokens step by step; beyond, the normal limit of
  /// renewal theory with the exact mean overshoot (Cox, Renewal Theory, 1962, section 3.3).
  std::int64_t steps(std::int64_t tokens, RandomStream& random) const;
  double mean_steps(std::int64_t tokens) const { return (static_cast<double>(tokens) + overshoot_) / mean_; }

  static constexpr std::int64_t kExact = 48;

 private:
  std::int64_t gain(RandomStream& random) const;

  std::vector<double> gains_;
  double mean_ = 0, variance_ = 0, overshoot_ = 0;
};

}  // namespace tokenfab
