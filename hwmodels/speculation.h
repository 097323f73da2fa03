#pragma once
#include <optional>
#include <vector>

#include "hwmodels/types.h"

namespace tokenfab {

/// KV positions are counted in 1/kSpeculationQuanta tokens where a step yields a mean number of tokens.
inline constexpr int kSpeculationQuanta = 16;

/// Speculative decoding: each step drafts tokens, verifies them in one pass of the model and keeps the longest accepted
/// run and one token more.
struct Speculation {
  std::optional<Llm> drafter;   // runs before each verification, on the same chips; none: drafts cost nothing (n-grams)
  Dtype weights = Dtype::bf16;  // of the drafter
  int depth = 0;                // longest run that can be accepted
  int drafted = 0;              // tokens verified beside the sequence's own: depth for a chain, a tree's nodes
  bool parallel = false;        // heads that draft all positions in one pass of the drafter; else depth passes
  /// Chance that the draft at a depth is accepted, given that all before it were; `depth` of them.
  std::vector<double> acceptance;
  /// Drafts the depth that is fastest at the number of sequences decoding, 0 included (chains; else all or nothing).
  bool adaptive = false;

  /// Time of the host (launches, sampling, building of the draft's inputs) in a step that drafts, beyond that of a
  /// plain one: per pass of the drafter, and per sequence. Engines of 2025 had both; seconds.
  double pass_gap = 0, sequence_gap = 0;

  /// Tokens a step yields in the mean with drafts of depth d: 1 + sum over i <= d of the product of the first i
  /// acceptances; (1 - a^(d+1)) / (1 - a) for a constant a. Leviathan et al. 2023, equation 1.
  double expected_tokens(int d) const;
  /// P(a step yields 1 + i tokens), i = 0 .. depth.
  std::vector<double> gains() const;
};

/// Layers cut from the front of a model with its tables: the size of a draft head (EAGLE, multi-token prediction).
Llm draft_layers(const Llm& llm, int layers);

}  // namespace tokenfab
