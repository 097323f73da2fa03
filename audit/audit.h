#pragma once
#include <optional>
#include <string>
#include <vector>

#include "audit/claim.h"
#include "audit/numbers.h"

namespace tokenfab::audit {

struct Condition {
  std::string input, unit;
  double low = 0, high = 0;
  bool at_least = false, at_most = false;                // one-sided within the range searched
  std::optional<std::array<double, 2>> plausible_range;  // that the claim file declares
  bool plausible = true;                                 // overlaps that
};

/// What became of a claim.
struct Finding {
  std::string id, article, title, about, quote, unit;
  Verdict verdict = Verdict::not_derivable;
  std::string basis;  // "arithmetic", "sources", "capacity", "roofline" or "simulation"; empty: nothing computed
  std::vector<double> said, recomputed;  // judged over a range: recomputed at its two ends
  std::string formula, judge;
  std::vector<InputUsed> inputs;
  std::vector<std::string> sources;
  std::optional<Condition> condition;
  std::string why;  // what the verdict rests on, in words
};

/// Judges one claim; nothing about the verdict is stored. Errors: UserError where the claim file is wrong.
Finding check(const Claim& claim, const Library& library, Tools& tools);

/// "at least 3 sequences", "between 0.5 and 0.8", ...
std::string text_of(const Condition& condition);

}  // namespace tokenfab::audit
