#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/bases.h"
#include "cli/commands.h"
#include "cli/infeasible.h"
#include "cli/market.h"
#include "cli/progress.h"
#include "cli/runs_json.h"
#include "cli/summary.h"
#include "cli/waterfall.h"
#include "reports/results_db.h"
#include "scenarios/market.h"
#include "scenarios/runner.h"

namespace tokenfab::cli {
namespace {

std::vector<InfeasibleAlternative> refused_of(const Scenario& scenario) {
  std::vector<InfeasibleAlternative> out;
  for (const auto& r : scenario.infeasible) out.push_back({scenario.name, r.name, r.reason});
  return out;
}

/// Runs as they end: into the database, and what the output needs of them.
class Collector {
 public:
  Collector(const RunArgs& args, const Scenario& scenario, const RunOptions& options) : args_(args) {
    if (args.output.empty()) return;
    db_.emplace(ResultsDb::create_or_open(args.output, TOKENFAB_VERSION));
    for (const auto& alternative : scenario.alternatives)
      for (int r = 0; r < scenario.replications; ++r)
        ids_.push_back(db_->begin_run(planned_record(scenario, alternative, r, options)));
    db_->write_infeasible(refused_of(scenario));
  }

  void add(const RunRecord& record) {
    if (db_) db_->finish_run(ids_[done_++], record);
    if (args_.json) json_.add(run_json(record, args_.bases));
    summary_.add(record);
  }

  void print(const std::vector<InfeasibleAlternative>& refused) {
    if (db_) db_->close();
    if (args_.json) {
      nlohmann::json more = nlohmann::json::object();
      if (!refused.empty()) more["infeasible"] = infeasible_json(refused);
      if (const auto steps = waterfall(summary_.costs()); !steps.empty()) more["stack"] = waterfall_json(steps);
      json_.print(std::cout, more);
      return;
    }
    std::cout << summary_.text();
    for (const auto& group : summary_.groups())
      if (args_.bases && group.first.replication == 0) std::cout << bases_text(group.first);
    std::cout << infeasible_text(refused);
  }

 private:
  const RunArgs& args_;
  std::optional<ResultsDb> db_;
  std::vector<std::int64_t> ids_;
  std::size_t done_ = 0;
  Summary summary_;
  RunsJson json_;
};

/// Where the rows of running runs wait: on the disk that they are for.
std::string folder_of(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

void run(const RunArgs& args) {
  if (is_market_scenario(args.scenario.path)) return run_market_scenario(args);
  Scenario scenario = load_scenario(args.scenario.path, {args.scenario.set, args.scenario.seed, args.scenario.trace});
  RunOptions options;
  options.stepwise = args.stepwise;
  options.jobs = args.jobs;
  options.bands = options.capacity = !args.no_bands;
  // Rows are only worth keeping where they are written.
  options.rows = args.output.empty() ? std::optional<bool>(false) : args.rows;
  if (!args.output.empty()) options.row_folder = folder_of(args.output);
  size_scenario(scenario, options);
  Collector collector(args, scenario, options);
  {
    ProgressLine line;
    run_scenario(
        scenario, options, [&](RunRecord&& r) { collector.add(r); }, [&](const RunProgress& p) { line(p); });
  }
  collector.print(refused_of(scenario));
}

}  // namespace tokenfab::cli
