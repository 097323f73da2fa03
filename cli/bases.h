#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sim/core/records.h"

namespace tokenfab::cli {

/// What the same factory costs rented and owned: the run's own supply where it is of that basis, else on-demand rent
/// or the catalogue's figures of ownership, at the pool's site.
struct SupplyBasis {
  std::string name;    // "rent" or "own"
  std::string source;  // "scenario" or "catalogue"
  CostSummary cost;
  std::string refused;  // why it has no cost: a figure that is not known
};
std::vector<SupplyBasis> both_bases(const RunRecord& record);

/// A run's object; with `bases`, it has "bases".
nlohmann::json run_json(const RunRecord& record, bool bases);
/// A table of allocation and usage cost, basis by basis.
std::string bases_text(const RunRecord& record);

}  // namespace tokenfab::cli
