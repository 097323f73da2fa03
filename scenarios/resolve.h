#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace tokenfab {

/// One factory to run: the scenario's text with a single set of pools, all "like" and "set" resolved.
struct ResolvedAlternative {
  std::string name;
  std::string json;  // pretty-printed; what the results store
};

/// Applies `--set /json/pointer=value` (value: JSON, or else a string). A pointer into /pools or /router of a scenario
/// with alternatives applies to each of them. Errors: UserError naming the pointer and where it leaves the document.
void apply_set(nlohmann::json& scenario, const std::string& assignment);

/// Expands "alternatives" (with "like" and "set") or the pools at the top into one document per alternative.
std::vector<ResolvedAlternative> resolve_alternatives(const nlohmann::json& scenario, const std::string& file);

}  // namespace tokenfab
