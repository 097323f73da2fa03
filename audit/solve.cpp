#include "audit/solve.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tokenfab::audit {
namespace {

constexpr int kCannotWork = 2;  // a side beside those of position()

class Solver {
 public:
  Solver(const Claim& claim, const std::vector<double>& said, Numbers& numbers)
      : claim_(claim), range_(*claim.over), said_(said), numbers_(numbers) {}

  Solution run() {
    scan();
    Solution out;
    out.recomputed = ends();
    if (std::all_of(side_.begin(), side_.end(), [](int s) { return s == kCannotWork; })) {
      out.infeasible = reason_;
      return out;
    }
    if (std::all_of(side_.begin(), side_.end(), [](int s) { return s == 0; })) {
      out.extent = Solution::Extent::everywhere;
      out.low = x_.front();
      out.high = x_.back();
      side(x_.front());
      return out;
    }
    find_interval(out);
    side(out.extent == Solution::Extent::somewhere ? out.low : x_.front());
    return out;
  }

 private:
  /// Whether a run depends on the range: points are dear then.
  bool simulates() const { return numbers_.runs_depend_on_free(); }

  double at(double share) const {
    const double x = range_.log ? range_.low * std::pow(range_.high / range_.low, share)
                                : range_.low + share * (range_.high - range_.low);
    return range_.whole ? std::round(x) : share >= 1 ? range_.high : x;
  }

  int side(double x) {
    numbers_.set_free(x);
    try {
      return position(claim_.judge, said_, numbers_.recompute());
    } catch (const Infeasible& e) {
      reason_ = e.what();
      return kCannotWork;
    }
  }

  void scan() {
    const int points = simulates() ? 9 : 65;
    precision_ = simulates() ? 1e-3 : 1e-9;
    for (int i = 0; i < points; ++i) {
      const double x = at(static_cast<double>(i) / (points - 1));
      if (!x_.empty() && x == x_.back()) continue;
      x_.push_back(x);
      side_.push_back(side(x));
    }
  }

  std::vector<double> ends() {
    std::vector<double> out;
    for (const std::size_t i : {std::size_t{0}, x_.size() - 1}) {
      if (side_[i] == kCannotWork) continue;
      numbers_.set_free(x_[i]);
      for (const double r : numbers_.recompute()) out.push_back(r);
    }
    return out;
  }

  /// The last point towards `out` from `in` that is on the side of `in`.
  double edge(double in, double out) {
    const int inside = side(in);
    for (int i = 0; i < 60; ++i) {
      const double middle = range_.whole ? std::floor((in + out) / 2) : (in + out) / 2;
      if (middle == in || (range_.whole && middle == out)) break;
      if (std::fabs(out - in) <= precision_ * std::fabs(out)) break;
      (side(middle) == inside ? in : out) = middle;
    }
    return in;
  }

  /// A point between two that lie on either side, where it holds; NaN: there is none.
  double crossing(double below, double above) {
    const int first = side(below);
    for (int i = 0; i < 60; ++i) {
      const double middle = range_.whole ? std::round((below + above) / 2) : (below + above) / 2;
      if (middle == below || middle == above) break;
      const int found = side(middle);
      if (found == 0) return middle;
      (found == first ? below : above) = middle;
    }
    return NAN;
  }

  void find_interval(Solution& out) {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (side_[i] != 0 && i + 1 < x_.size() && side_[i] * side_[i + 1] == -1) {
        const double x = crossing(x_[i], x_[i + 1]);
        if (!std::isnan(x)) keep(out, edge(x, x_[i]), edge(x, x_[i + 1]), false, false);
      }
      if (side_[i] != 0) continue;
      std::size_t last = i;
      while (last + 1 < x_.size() && side_[last + 1] == 0) ++last;
      const bool start = i == 0, end = last + 1 == x_.size();
      keep(out, start ? x_[i] : edge(x_[i], x_[i - 1]), end ? x_[last] : edge(x_[last], x_[last + 1]), start, end);
      i = last;
    }
  }

  void keep(Solution& out, double low, double high, bool start, bool end) const {
    const bool wider = out.extent == Solution::Extent::nowhere || high - low > out.high - out.low;
    if (!wider) return;
    out.extent = Solution::Extent::somewhere;
    out.low = low;
    out.high = high;
    out.from_start = start;
    out.to_end = end;
  }

  const Claim& claim_;
  const Range& range_;
  const std::vector<double>& said_;
  Numbers& numbers_;
  std::vector<double> x_;
  std::vector<int> side_;
  std::string reason_;
  double precision_ = 1e-9;  // of an edge, relative
};

}  // namespace

Solution solve(const Claim& claim, const std::vector<double>& said, Numbers& numbers) {
  return Solver(claim, said, numbers).run();
}

}  // namespace tokenfab::audit
