#include "calibration/expert_routing.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "hwmodels/op_work.h"

namespace tokenfab::calibration {
namespace {

constexpr int kDraws = 200;
constexpr double kLargestLoad = 0.8;  // of all tokens, before loads are scaled to their sum

/// Quantile of the density x^-a between 1 and `most`; a is not 1.
double power_law(double a, double most, double share) {
  const double e = 1 - a;
  return std::pow(1 + (std::pow(most, e) - 1) * share, 1 / e);
}

/// Rows of each expert: whole, at most one per token, `tokens` * top_k in all.
std::vector<double> draw_loads(RandomStream& random, double exponent, int experts, int top_k, double tokens) {
  std::vector<double> rows;
  for (int i = 0; i < experts; ++i)
    rows.push_back(power_law(exponent, std::max(1.001, kLargestLoad * tokens), random.uniform()));
  const double scale = tokens * top_k / std::accumulate(rows.begin(), rows.end(), 0.0);
  for (double& r : rows) r = std::min(tokens, std::round(r * scale));
  double missing = tokens * top_k - std::accumulate(rows.begin(), rows.end(), 0.0);
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rows[a] > rows[b]; });
  while (missing != 0)  // the largest give or take what rounding left
    for (const std::size_t i : order) {
      if (missing > 0 && rows[i] < tokens) ++rows[i], --missing;
      else if (missing < 0 && rows[i] > 0) --rows[i], ++missing;
    }
  return rows;
}

RoutedLoad busiest_of(const std::vector<double>& rows, int chips) {
  const auto each = static_cast<std::ptrdiff_t>(rows.size()) / chips;
  RoutedLoad most;
  for (auto first = rows.begin(); first != rows.end(); first += each) {
    const double sum = std::accumulate(first, first + each, 0.0);
    if (sum <= most.rows) continue;
    most = {static_cast<double>(std::count_if(first, first + each, [](double r) { return r > 0; })), sum};
  }
  return most;
}

}  // namespace

RoutedLoad busiest_chip(const std::string& routing, int experts, int top_k, double tokens, int chips) {
  require(chips >= 1 && experts % chips == 0, "experts divide over chips");
  const double rows = tokens * top_k;
  if (routing.empty()) return {touched_experts(experts, top_k, tokens) / chips, rows / chips};
  if (routing == "balanced")
    return {std::max(1.0, std::min<double>(experts, rows) / chips), std::max(1.0, rows / chips)};
  const std::string law = "power_law_";
  if (!routing.starts_with(law))
    throw UserError("routing \"" + routing + "\" is not known; allowed: balanced, " + law + "<a>");
  const double exponent = std::stod(routing.substr(law.size()));
  RandomStream random(1, 0, StreamPurpose::router);
  RoutedLoad mean;
  for (int i = 0; i < kDraws; ++i) {
    const RoutedLoad one = busiest_of(draw_loads(random, exponent, experts, top_k, tokens), chips);
    mean.touched += one.touched / kDraws, mean.rows += one.rows / kDraws;
  }
  return mean;
}

}  // namespace tokenfab::calibration
