#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/pools.h"
#include "scenarios/workload_plan.h"
#include "sim/core/records.h"
#include "sim/economics/common_unit.h"
#include "sim/economics/pnl.h"
#include "sim/workload/spend_limit.h"

namespace tokenfab {

/// One factory with its workload, validated and placed: everything a run needs.
struct Alternative {
  std::string name, json;
  std::string router;
  GatewaySpec gateway;
  std::vector<PoolPlan> pools;
  WorkloadPlan workload;
  Slo slo;
  std::optional<PricePlan> plan;
  std::optional<Provider> provider;
  std::optional<TaskQuality> quality;
  double horizon_s = 0;
  std::vector<Assumption> assumptions;
  std::optional<SpendLimit> spending;
};

struct Scenario {
  std::string name;
  std::uint64_t seed = 1;
  int replications = 1;
  std::vector<Alternative> alternatives;
  struct Refused {
    std::string name, reason;
  };
  std::vector<Refused> infeasible;  // alternatives that cannot work, where the scenario asks to list them
  bool lists_infeasible = false;
};

struct ScenarioOptions {
  std::vector<std::string> set;       // --set /pointer=value
  std::optional<std::uint64_t> seed;  // --seed
  std::string trace;                  // --trace: replaces the workload's source
};

/// Loads a scenario file. Errors: UserError (file, pointer, value, what was allowed), Infeasible with the arithmetic.
Scenario load_scenario(const std::string& path, const ScenarioOptions& options);
/// The same from text; `name` stands for the file in messages.
Scenario parse_scenario(const std::string& text, const std::string& name, const ScenarioOptions& options);

}  // namespace tokenfab
