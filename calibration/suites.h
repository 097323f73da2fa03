#pragma once
#include <optional>
#include <string>
#include <vector>

#include "hwmodels/types.h"

namespace tokenfab::calibration {

/// Published measurements of one engine version on one chip: hwmodels/measured/README.md has the columns of each kind.
struct SuiteGroup {
  std::string chip, engine, version, llm;  // llm "": kernels
  Dtype weights = Dtype::bf16, kv = Dtype::bf16, activations = Dtype::bf16;
  std::int64_t token_budget = 0;          // tokens in a step, where the source states it
  std::string routing;                    // of experts: "balanced", "power_law_<exponent>"
  std::int64_t streams_beyond_slots = 0;  // of a closed loop: the engine takes this many sequences fewer
  bool streams_in_step = false;           // of a closed loop: they stay together, so that each turn is a burst
  int pads_heads = 0;                     // query and KV heads are padded or repeated to a multiple of this; 0: no
  std::int64_t requests_per_stream = 10;  // of a closed loop
  bool copies_all_rows = false;           // as in Calibration
  bool products_only = false;             // of moe: times hold no gathering, activation or sum
  double pass_gap = 0, sequence_gap = 0;  // of speculation, as in Speculation
  int redundant_experts = 0;              // of large-ep, as in ExpertRouting
  double zipf = 0;                        // of large-ep, as in ExpertRouting
  double overlap = 0;                     // of large-ep, as in Deployment
  std::vector<std::string> columns;       // after "use"
  struct Row {
    bool check = false;  // never used in a fit
    std::vector<std::optional<double>> values;
  };
  std::vector<Row> rows;

  std::size_t column(const std::string& name) const;  // columns.size() where there is none
  std::optional<double> get(const Row& row, const std::string& name) const;
  double at(const Row& row, const std::string& name) const;  // InternalError where missing
};

struct Suite {
  std::string id, title, kind, source, as_of, trust, split;
  std::vector<SuiteGroup> groups;
};

/// All suites of hwmodels/measured, by id; or the ones named. UserError with file and pointer, or the nearest name.
std::vector<Suite> load_suites(const Catalog& catalog, const std::vector<std::string>& ids = {});
std::vector<std::string> suite_ids(const Catalog& catalog);
Suite load_suite(const std::string& path);

}  // namespace tokenfab::calibration
