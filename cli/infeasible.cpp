#include "cli/infeasible.h"

#include <nlohmann/json.hpp>

namespace tokenfab::cli {

std::string infeasible_text(const std::vector<InfeasibleAlternative>& refused) {
  std::string out = refused.empty() ? "" : "\nInfeasible\n";
  for (const auto& r : refused) out += r.alternative + ": " + r.reason + "\n";
  return out;
}

nlohmann::json infeasible_json(const std::vector<InfeasibleAlternative>& refused) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& r : refused) out.push_back({{"name", r.alternative}, {"reason", r.reason}});
  return out;
}

}  // namespace tokenfab::cli
