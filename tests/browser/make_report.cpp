// Writes a report of made-up runs: make_report hostile|nothing-served|stack PATH
#include <cmath>
#include <fstream>
#include <string>
#include <utility>

#include "reports/report_html.h"
#include "tests/support/records.h"

namespace {

using tokenfab::RunRecord;
using tokenfab::testing::sample_record;

/// Two alternatives, one of two replications, whose names try to break out of wherever they stand.
std::vector<RunRecord> hostile() {
  const std::string name =
      "</script><img src=x onerror=console.error('hit')> \"quoted\" & 'single' /*@SCRIPT@*/ <!--@LIBRARIES@--> "
      "\xf0\x9f\xa6\x8a \xe2\x80\xa8 \xe2\x80\xa9 \x1b[31m \xe2\x80\xae";
  auto other = sample_record(name);
  other.alternative = "B";
  return {sample_record(name), sample_record(name, 1), other};
}

/// Every request was rejected: there is no latency, no busy time and no price per token to draw.
std::vector<RunRecord> nothing_served() {
  RunRecord r;
  r.study = r.alternative = "nothing";
  r.offered = r.rejected = 5;
  r.cost.usd_per_mtok = r.cost.usd_per_mtok_in = r.cost.usd_per_mtok_out = std::nan("");
  r.pools.push_back(sample_record("nothing").pools[0]);
  r.pools[0].step_time.clear();
  return {r};
}

/// A stack of two techniques, with classes, sessions and a prefix cache, beside what cannot work.
std::vector<RunRecord> stack() {
  std::vector<RunRecord> runs;
  for (const auto& [name, usd] : {std::pair{"base", 4.0},
                                  {"alone: a", 2.0},
                                  {"alone: b", 3.0},
                                  {"stack: a", 2.0},
                                  {"stack: b", 2.5},
                                  {"before: b", 4.0},
                                  {"other", 9.0}}) {
    runs.push_back(sample_record("study"));
    runs.back().alternative = name;
    runs.back().cost.usd_per_mtok = usd;
  }
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string kind = argv[1];
  const auto runs = kind == "hostile" ? hostile() : kind == "stack" ? stack() : nothing_served();
  std::vector<tokenfab::InfeasibleAlternative> refused;
  if (kind == "stack") refused = {{"study", "too large", "<b>it does not fit</b>"}};
  std::ofstream(argv[2]) << tokenfab::render_html(runs, "test", refused);
  return 0;
}
