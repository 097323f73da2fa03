#pragma once
#include <string>
#include <vector>

#include "sim/core/records.h"

namespace tokenfab {

// Names of the alternatives that a scenario's "stack" becomes (scenarios/stack.h): the pools as they are, each
// technique alone, what it needs before it, and all techniques up to and including it.
inline constexpr const char* kStackBase = "base";
inline constexpr const char* kStackAlone = "alone: ";
inline constexpr const char* kStackBefore = "before: ";
inline constexpr const char* kStackTogether = "stack: ";

/// One technique of a stack. Gains are ratios of cost per token: what it was before over what it is after.
struct WaterfallStep {
  std::string name;
  double usd_per_mtok = 0;              // with all techniques up to this one
  double gain_alone = 0;                // over the base, or over what it needs
  double gain_in_stack = 0, total = 0;  // over the stack before it; of the stack so far over the base
};

struct TokenCost {  // of one run
  std::string alternative;
  int replication = 0;
  double usd_per_mtok = 0;
};

/// Means over replications. Empty where the runs are not those of a stack.
std::vector<WaterfallStep> waterfall(const std::vector<TokenCost>& runs);
std::vector<WaterfallStep> waterfall(const std::vector<RunRecord>& records);

}  // namespace tokenfab
