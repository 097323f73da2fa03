#include "sim/core/waterfall.h"

#include <map>
#include <utility>

namespace tokenfab {

std::vector<WaterfallStep> waterfall(const std::vector<RunRecord>& records) {
  std::vector<TokenCost> costs;
  for (const RunRecord& r : records) costs.push_back({r.alternative, r.replication, r.cost.usd_per_mtok});
  return waterfall(costs);
}

std::vector<WaterfallStep> waterfall(const std::vector<TokenCost>& runs) {
  std::map<std::string, std::pair<double, int>> costs;  // sum and count
  for (const TokenCost& r : runs) {
    auto& [sum, count] = costs[r.alternative];
    sum += r.usd_per_mtok;
    ++count;
  }
  const auto cost = [&](const std::string& name) {
    const auto found = costs.find(name);
    return found == costs.end() ? 0.0 : found->second.first / found->second.second;
  };
  std::vector<WaterfallStep> steps;
  const double base = cost(kStackBase);
  double before = base;
  for (const TokenCost& r : runs) {
    if (base <= 0 || r.replication != 0 || !r.alternative.starts_with(kStackTogether)) continue;
    const std::string name = r.alternative.substr(std::string(kStackTogether).size());
    const double now = cost(r.alternative), alone = cost(kStackAlone + name), ground = cost(kStackBefore + name);
    steps.push_back({name, now, alone > 0 ? (ground > 0 ? ground : base) / alone : 0, before / now, base / now});
    before = now;
  }
  return steps;
}

}  // namespace tokenfab
