#include "hwmodels/experts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tokenfab {
namespace {

constexpr double kMostLikely = 1 - 1e-9;  // a token asks for an expert at most once

/// Zipf, scaled to top_k in all and cut at one per token; what is cut goes to the others.
std::vector<double> zipf_popularity(const MoeShape& m, double exponent) {
  std::vector<double> p(static_cast<std::size_t>(m.experts));
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = std::pow(static_cast<double>(i + 1), -exponent);
  for (int round = 0; round < m.experts; ++round) {
    double open = 0, left = m.top_k;
    for (const double x : p) (x < kMostLikely ? open : left) += x < kMostLikely ? x : -x;
    const double scale = open > 0 ? left / open : 1;
    bool cut = false;
    for (double& x : p)
      if (x < kMostLikely) {
        x = std::min(x * scale, kMostLikely);
        cut = cut || x >= kMostLikely;
      }
    if (!cut) break;
  }
  return p;
}

/// Loads of all copies, busiest first.
std::vector<double> copies_of(const std::vector<double>& popularity, int redundant) {
  std::vector<int> copies(popularity.size(), 1);
  const auto load = [&](std::size_t i) { return popularity[i] / copies[i]; };
  for (int r = 0; r < redundant; ++r) {
    std::size_t busiest = 0;
    for (std::size_t i = 1; i < copies.size(); ++i)
      if (load(i) > load(busiest)) busiest = i;
    ++copies[busiest];
  }
  std::vector<double> out;
  for (std::size_t i = 0; i < copies.size(); ++i) out.insert(out.end(), static_cast<std::size_t>(copies[i]), load(i));
  std::sort(out.rbegin(), out.rend());
  return out;
}

double placed_imbalance(const std::vector<double>& copies, int chips) {
  const std::size_t room = (copies.size() + static_cast<std::size_t>(chips) - 1) / static_cast<std::size_t>(chips);
  std::vector<double> load(static_cast<std::size_t>(chips), 0);
  std::vector<std::size_t> held(load.size(), 0);
  for (const double copy : copies) {
    std::size_t best = load.size();
    for (std::size_t c = 0; c < load.size(); ++c)
      if (held[c] < room && (best == load.size() || load[c] < load[best])) best = c;
    load[best] += copy;
    ++held[best];
  }
  return *std::max_element(load.begin(), load.end()) * chips / std::accumulate(load.begin(), load.end(), 0.0);
}

}  // namespace

ExpertLoad::ExpertLoad(const MoeShape& m, const ExpertRouting& routing, int chips)
    : log_untouched_(std::log1p(-static_cast<double>(m.top_k) / m.experts)),
      popularity_(static_cast<std::size_t>(m.experts), static_cast<double>(m.top_k) / m.experts) {
  if (routing.zipf <= 0) return;
  popularity_ = zipf_popularity(m, routing.zipf);
  for (const double p : popularity_) log_missed_.push_back(std::log1p(-p));
  if (chips > 1) imbalance_ = placed_imbalance(copies_of(popularity_, routing.redundant), chips);
}

double ExpertLoad::coverage(double tokens) const {
  if (log_missed_.empty()) return -std::expm1(tokens * log_untouched_);
  double touched = 0;
  for (const double log_missed : log_missed_) touched -= std::expm1(tokens * log_missed);
  return touched / static_cast<double>(log_missed_.size());
}

}  // namespace tokenfab
