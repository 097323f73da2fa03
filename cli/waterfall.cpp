#include "cli/waterfall.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "scenarios/stack.h"

namespace tokenfab::cli {

std::vector<WaterfallStep> waterfall(const std::vector<RunRecord>& records) {
  std::map<std::string, std::pair<double, int>> costs;  // sum and count
  for (const RunRecord& r : records) {
    auto& [sum, count] = costs[r.alternative];
    sum += r.cost.usd_per_mtok;
    ++count;
  }
  const auto cost = [&](const std::string& name) {
    const auto found = costs.find(name);
    return found == costs.end() ? 0.0 : found->second.first / found->second.second;
  };
  std::vector<WaterfallStep> steps;
  const double base = cost(kStackBase);
  double before = base;
  for (const RunRecord& r : records) {
    if (base <= 0 || r.replication != 0 || !r.alternative.starts_with(kStackTogether)) continue;
    const std::string name = r.alternative.substr(std::string(kStackTogether).size());
    const double now = cost(r.alternative), alone = cost(kStackAlone + name), ground = cost(kStackBefore + name);
    steps.push_back({name, now, alone > 0 ? (ground > 0 ? ground : base) / alone : 0, before / now, base / now});
    before = now;
  }
  return steps;
}

std::string waterfall_text(const std::vector<WaterfallStep>& steps) {
  if (steps.empty()) return "";
  std::vector<std::vector<std::string>> table = {
      {"technique", "gain alone", "gain in the stack", "USD per M tokens", "stack so far"}};
  double product = 1;
  for (const WaterfallStep& s : steps) {
    product *= s.gain_alone;
    table.push_back({s.name, fmt::format("{:.3f}", s.gain_alone), fmt::format("{:.3f}", s.gain_in_stack),
                     fmt::format("{:.4f}", s.usd_per_mtok), fmt::format("{:.3f}", s.total)});
  }
  return "\n" + text_table(table) +
         fmt::format(
             "Gains in cost per token do not multiply: those of each alone give {:.3f}, together they reach "
             "{:.3f}.\n",
             product, steps.back().total);
}

nlohmann::json waterfall_json(const std::vector<WaterfallStep>& steps) {
  nlohmann::json out = nlohmann::json::array();
  for (const WaterfallStep& s : steps)
    out.push_back({{"name", s.name},
                   {"usd_per_mtok", s.usd_per_mtok},
                   {"gain_alone", s.gain_alone},
                   {"gain_in_stack", s.gain_in_stack},
                   {"gain_total", s.total}});
  return out;
}

}  // namespace tokenfab::cli
