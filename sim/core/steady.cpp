#include "sim/core/steady.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tokenfab {
namespace {

/// Where to cut so that the rest's mean has the least standard error, taken as independent.
std::size_t mser_cut(const std::vector<double>& x) {
  double sum = 0, squares = 0, least = 0;
  std::size_t best = 0;
  bool any = false;
  for (std::size_t i = x.size(); i-- > 0;) {
    sum += x[i];
    squares += x[i] * x[i];
    const auto n = static_cast<double>(x.size() - i);
    if (2 * i > x.size() || n < 2) continue;
    const double score = std::max(0.0, squares - sum * sum / n) / (n * n);
    if (!any || score <= least) least = score, best = i;
    any = true;
  }
  return best;
}

double mean_of(const std::vector<double>& x, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t i = from; i < to; ++i) sum += x[i];
  return sum / static_cast<double>(to - from);
}

}  // namespace

SteadyJudgement judge_steady(const Series& series, Ns first, Ns last) {
  const auto width = static_cast<double>(series.bin_ns);
  std::vector<double> inside;
  std::vector<double> arrived;
  for (std::size_t i = 0; i < series.bins.size(); ++i) {
    const Ns from = static_cast<Ns>(i) * series.bin_ns;
    if (from < first || from + series.bin_ns > last) continue;
    const SeriesBin& b = series.bins[i];
    inside.push_back(static_cast<double>(b.waiting_ns + b.running_ns) / width);
    arrived.push_back(static_cast<double>(b.arrived));
  }
  SteadyJudgement out;
  if (inside.size() < kFewestBins) return out;
  const std::size_t cut = mser_cut(inside), n = inside.size(), third = (n - cut) / 3;
  out.warm_up_s = static_cast<double>(cut) * width * 1e-9;
  out.mean = mean_of(inside, cut, n);
  const double one = mean_of(inside, cut, cut + third), two = mean_of(inside, cut + third, cut + 2 * third),
               three = mean_of(inside, cut + 2 * third, n);
  double requests = 0;
  for (std::size_t i = cut; i < n; ++i) requests += arrived[i];
  // Between the middles of two thirds 2/3 of the requests come and go, each with a variance of 1.
  const double noise = std::sqrt(2 * (2.0 / 3) * requests), grown = three - one;
  if (requests < kResidences * out.mean) return out;  // the first may not have left: any factory fills up so
  if (one < two && two < three && grown > std::max(3 * noise, 0.25 * out.mean)) out.verdict = Steadiness::growing;
  else if (grown <= std::max(noise, 0.05 * out.mean)) out.verdict = Steadiness::steady;
  return out;
}

}  // namespace tokenfab
