#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "cli/bases.h"
#include "cli/commands.h"
#include "cli/infeasible.h"
#include "cli/market.h"
#include "cli/progress.h"
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

/// Keeps what the printed output needs: rows go to the database and are dropped.
class Collector {
 public:
  Collector(const RunArgs& args, const Scenario& scenario, const RunOptions& options) {
    if (args.output.empty()) return;
    db_.emplace(ResultsDb::create_or_open(args.output, TOKENFAB_VERSION));
    for (const auto& alternative : scenario.alternatives)
      for (int r = 0; r < scenario.replications; ++r)
        ids_.push_back(db_->begin_run(planned_record(scenario, alternative, r, options)));
    db_->write_infeasible(refused_of(scenario));
  }
  void add(RunRecord&& record) {
    if (db_) db_->finish_run(ids_[records_.size()], record);
    record.rows.clear();
    record.rows.shrink_to_fit();
    records_.push_back(std::move(record));
  }
  const std::vector<RunRecord>& records() const { return records_; }

 private:
  std::optional<ResultsDb> db_;
  std::vector<std::int64_t> ids_;
  std::vector<RunRecord> records_;
};

/// The first run's object; with several runs all of them under "runs".
nlohmann::json combined(const std::vector<RunRecord>& records, const Scenario& scenario, bool bases) {
  nlohmann::json out = runs_json(records, bases);
  if (const auto refused = refused_of(scenario); !refused.empty()) out["infeasible"] = infeasible_json(refused);
  if (const auto steps = waterfall(records); !steps.empty()) out["stack"] = waterfall_json(steps);
  return out;
}

}  // namespace

void run(const RunArgs& args) {
  if (is_market_scenario(args.scenario.path)) return run_market_scenario(args);
  Scenario scenario = load_scenario(args.scenario.path, {args.scenario.set, args.scenario.seed, args.scenario.trace});
  RunOptions options;
  options.stepwise = args.stepwise;
  options.jobs = args.jobs;
  options.bands = !args.no_bands;
  // Rows are only worth keeping where they are written.
  options.rows = args.output.empty() ? std::optional<bool>(false) : args.rows;
  size_scenario(scenario, options);
  Collector collector(args, scenario, options);
  {
    ProgressLine line;
    run_scenario(
        scenario, options, [&](RunRecord&& r) { collector.add(std::move(r)); }, [&](const RunProgress& p) { line(p); });
  }
  if (args.json) std::cout << combined(collector.records(), scenario, args.bases).dump(2) << "\n";
  else
    std::cout << summary(collector.records()) << bases_texts(collector.records(), args.bases)
              << infeasible_text(refused_of(scenario));
}

}  // namespace tokenfab::cli
