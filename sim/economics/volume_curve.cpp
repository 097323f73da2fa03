#include "sim/economics/volume_curve.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tokenfab {
namespace {

constexpr double kMostJoints = 1e4, kBeyond = 1e-12;  // relative step past a joint

/// Zero is above, and so is what rounding alone keeps from it.
bool is_above(const VolumeCurve& a, const VolumeCurve& b, double tokens) {
  const double first = a.at(tokens), second = b.at(tokens);
  return first - second >= -4e-16 * (std::fabs(first) + std::fabs(second));
}

std::vector<double> stretches(const VolumeCurve& a, const VolumeCurve& b, double most) {
  std::vector<double> out = {0, most};
  for (const VolumeCurve* curve : {&a, &b})
    for (const double joint : curve->joints)
      if (joint > 0 && joint < most) out.push_back(joint);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

bool starts_above(const VolumeCurve& a, const VolumeCurve& b, double most) { return is_above(a, b, most * 1e-9); }

std::vector<CurveCrossing> curve_crossings(const VolumeCurve& a, const VolumeCurve& b, double most) {
  std::vector<CurveCrossing> out;
  bool above = starts_above(a, b, most);
  const std::vector<double> ends = stretches(a, b, most);
  for (std::size_t i = 0; i + 1 < ends.size(); ++i)
    for (int part = 0; part < kParts; ++part) {
      const double width = (ends[i + 1] - ends[i]) / kParts;
      double low = ends[i] + part * width, high = part + 1 == kParts ? ends[i + 1] : low + width;
      if (part == 0) {
        low = i == 0 ? most * 1e-9 : low * (1 + kBeyond);
        if (const bool begins = is_above(a, b, low); begins != above) out.push_back({ends[i], above = begins});
      }
      const bool end = is_above(a, b, high);
      if (end == above) continue;
      for (int n = 0; n < 100 && high - low > 1e-13 * high; ++n) {
        const double middle = low + (high - low) / 2;
        (is_above(a, b, middle) == above ? low : high) = middle;
      }
      out.push_back({high, above = end});
    }
  return out;
}

std::vector<double> whole_steps(const std::string& name, double step, double most) {
  if (!(most / step <= kMostJoints))
    throw UserError(name + ": more than 10,000 steps up to the largest volume that is looked at");
  std::vector<double> out;
  for (double n = 1; n * step < most; ++n) out.push_back(n * step);
  return out;
}

}  // namespace tokenfab
