#include <algorithm>
#include <cmath>
#include <iostream>
#include <tuple>

#include "cli/calibration.h"
#include "cli/shown.h"

namespace tokenfab::cli {
namespace {

using calibration::Score;
using calibration::Suite;

/// A table of metrics that are of one kind.
struct Kind {
  const char *id, *title;
};
constexpr Kind kKinds[] = {{"steps", "Whole steps"},
                           {"latency", "Serving: TTFT and TPOT"},
                           {"throughput", "Throughput and E2E"},
                           {"techniques", "Drafts: speed-ups"},
                           {"kernels", "Kernels"}};

std::string kind_of(const std::string& metric) {
  if (metric == "prefill step" || metric == "decode step") return "steps";
  if (metric == "TTFT" || metric == "TPOT") return "latency";
  if (metric == "speed-up") return "techniques";
  return metric == "throughput" || metric == "E2E" || metric.ends_with(" rate") ? "throughput" : "kernels";
}

std::string percent(double x) { return std::isnan(x) ? "-" : shown("{:.1f} %", 100 * x); }

/// In bold where no rival is better.
std::string ours(const Score& s) {
  const bool best = !(s.roofline < s.error.mean) && !(s.scaled_roofline < s.error.mean);
  return best ? "**" + percent(s.error.mean) + "**" : percent(s.error.mean);
}

std::string row_of(const Score& s) {
  return shown("| {} {} | {} | {} | {} | {} | {} | {} | {:+.1f} % | {} | {} | {} | {} |\n", s.engine, s.version, s.chip,
               s.suite, s.metric, s.error.n, ours(s), percent(s.error.median), 100 * s.error.bias,
               std::isnan(s.rank) ? "-" : shown("{:.3f}", s.rank), percent(s.roofline), percent(s.scaled_roofline),
               percent(s.left_out));
}

std::string dates(const std::vector<Suite>& suites) {
  if (suites.empty()) return "no date";
  const auto [first, last] = std::minmax_element(suites.begin(), suites.end(),
                                                 [](const Suite& a, const Suite& b) { return a.as_of < b.as_of; });
  return first->as_of + " to " + last->as_of;
}

}  // namespace

void print_markdown(std::vector<Score> scores, const std::vector<Suite>& suites) {
  scores.erase(std::remove_if(scores.begin(), scores.end(), [](const Score& s) { return !s.check; }), scores.end());
  std::stable_sort(scores.begin(), scores.end(), [](const Score& a, const Score& b) {
    return std::tie(a.engine, a.chip) < std::tie(b.engine, b.chip);
  });
  std::cout << shown("Published measurements of {}; errors on rows that no fit has seen.\n", dates(suites));
  for (const Kind& kind : kKinds) {
    std::string rows;
    for (const Score& s : scores)
      if (kind_of(s.metric) == kind.id) rows += row_of(s);
    if (rows.empty()) continue;
    std::cout << "\n### " << kind.title << "\n\n"
              << "| engine | chip | suite | metric | n | MAPE | median | bias | rank | roofline | one scalar | chip "
                 "left out |\n"
              << "|---|---|---|---|---|---|---|---|---|---|---|---|\n"
              << rows;
  }
}

}  // namespace tokenfab::cli
