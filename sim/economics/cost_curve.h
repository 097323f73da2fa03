#pragma once
#include <string>
#include <vector>

namespace tokenfab {

/// What a volume of tokens costs, or earns, in a period: fixed + per token + whole steps (a staircase: one
/// `usd_per_step` for each started `tokens_per_step`). Zero steps: usd_per_step = 0.
struct CostCurve {
  std::string name;
  double fixed_usd = 0, usd_per_mtok = 0;
  double usd_per_step = 0, tokens_per_step = 1;

  double at(double tokens) const;  // tokens > 0; at a whole number of steps, just these
  double slope() const;            // USD per token between two steps
  bool stepped() const { return usd_per_step > 0; }
};

/// A volume at which `first` comes to be at least `second` (above: true), or ceases to be.
struct CurveCrossing {
  double tokens = 0;
  bool above = false;
};

/// All crossings of two curves in (0, most_tokens], in increasing volume. Errors: UserError where more than
/// kMostSteps steps lie below most_tokens.
std::vector<CurveCrossing> curve_crossings(const CostCurve& first, const CostCurve& second, double most_tokens);
/// Whether `first` is at least `second` as soon as there is any volume.
bool starts_above(const CostCurve& first, const CostCurve& second);
inline constexpr double kMostSteps = 1e6;

}  // namespace tokenfab
