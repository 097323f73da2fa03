#pragma once
#include <functional>
#include <string>
#include <vector>

#include "sim/economics/cost_curve.h"

namespace tokenfab {

/// What a volume of tokens costs, or earns, in a period, however it comes about. Between two of its joints it is
/// straight or bent a little; at a joint it may bend or jump, and its value there is that of just these tokens.
struct VolumeCurve {
  std::string name;
  std::function<double(double tokens)> at;
  std::vector<double> joints;
};

/// Where `first` comes to be at least `second`, or ceases to be, in (0, most_tokens]; by bisection to 1e-13 within
/// kParts equal parts of each stretch between joints.
std::vector<CurveCrossing> curve_crossings(const VolumeCurve& first, const VolumeCurve& second, double most_tokens);
/// Whether `first` is at least `second` as soon as there is any volume.
bool starts_above(const VolumeCurve& first, const VolumeCurve& second, double most_tokens);
inline constexpr int kParts = 8;

/// Whole multiples of `step` below `most`. Errors: UserError naming `name` where there are more than 10,000.
std::vector<double> whole_steps(const std::string& name, double step, double most);

}  // namespace tokenfab
