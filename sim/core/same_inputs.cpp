#include "sim/core/same_inputs.h"

#include <map>

namespace tokenfab {

bool same_inputs(const RunRecord& a, const RunRecord& b) {
  return a.study == b.study && a.alternative == b.alternative && a.sweep_point == b.sweep_point &&
         a.scenario_json == b.scenario_json;
}

std::vector<std::string> distinct_names(std::vector<std::string> names) {
  std::map<std::string, int> seen;
  for (std::string& name : names)
    if (const int n = ++seen[name]; n > 1) name += " #" + std::to_string(n);
  return names;
}

}  // namespace tokenfab
