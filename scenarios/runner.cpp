#include "scenarios/runner.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_pipeline.h>

#include <algorithm>
#include <thread>

namespace tokenfab {
namespace {

constexpr std::int64_t kRowsByDefault = 1'000'000;

/// The weakest hardware model decides how far the run can be trusted.
void note_provenance(const Alternative& a, RunRecord& record) {
  Grade worst = Grade::measured;
  for (const auto& pool : a.pools) {
    const Deployment& d = pool.spec.model->deployment();
    worst = std::min(worst, d.grade());
    record.error_band = std::max(record.error_band, d.known_error());
  }
  record.provenance = kGradeNames[static_cast<std::size_t>(worst)];
}

}  // namespace

RunRecord planned_record(const Scenario& s, const Alternative& a, int replication, const RunOptions& options) {
  RunRecord r;
  r.study = s.name;
  r.alternative = a.name;
  r.scenario_json = a.json;
  r.seed = s.seed;
  r.replication = replication;
  r.stepwise = options.stepwise;
  r.slo_ttft_s = a.slo.ttft_s;
  r.slo_tpot_s = a.slo.tpot_s;
  r.slo_e2e_s = a.slo.e2e_s;
  r.assumptions = a.assumptions;
  const std::int64_t expected = a.workload.expected_requests();
  r.keeps_rows = options.rows ? *options.rows : expected > 0 && expected < kRowsByDefault;
  note_provenance(a, r);
  return r;
}

RunRecord run_once(const Scenario& scenario, const Alternative& alternative, int replication, const RunOptions& options,
                   const std::function<void(const RunProgress&)>& progress) {
  RunRecord record = planned_record(scenario, alternative, replication, options);
  FactorySpec spec;
  spec.router = alternative.router;
  spec.seed = scenario.seed;
  spec.replication = static_cast<std::uint32_t>(replication);
  spec.stepwise = options.stepwise;
  spec.horizon_s = alternative.horizon_s;
  for (const auto& pool : alternative.pools) spec.pools.push_back(pool.spec);

  std::function<void(const SimulationProgress&)> report;
  if (progress)
    report = [&](const SimulationProgress& p) {
      progress({alternative.name, replication, p.offered, p.finished, alternative.workload.expected_requests(),
                p.simulated_s});
    };
  OpenWorkload workload = alternative.workload.open(scenario.seed, static_cast<std::uint32_t>(replication));
  simulate(spec, *workload.source, record, report);
  workload.finish(record);

  std::vector<Supply> supplies;
  for (const auto& pool : alternative.pools) supplies.push_back(pool.supply);
  price_run(record, supplies, alternative.plan);
  return record;
}

void run_scenario(const Scenario& scenario, const RunOptions& options, const std::function<void(RunRecord&&)>& done,
                  const std::function<void(const RunProgress&)>& progress) {
  const int replications = scenario.replications;
  const int total = static_cast<int>(scenario.alternatives.size()) * replications;
  const int jobs =
      options.jobs > 0 ? options.jobs : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(jobs));
  int next = 0;
  tbb::parallel_pipeline(
      static_cast<std::size_t>(jobs),
      tbb::make_filter<void, int>(tbb::filter_mode::serial_in_order,
                                  [&](tbb::flow_control& control) {
                                    if (next == total) control.stop();
                                    return next == total ? 0 : next++;
                                  }) &
          tbb::make_filter<int, std::shared_ptr<RunRecord>>(
              tbb::filter_mode::parallel,
              [&](int i) {
                const Alternative& a = scenario.alternatives[static_cast<std::size_t>(i / replications)];
                return std::make_shared<RunRecord>(run_once(scenario, a, i % replications, options, progress));
              }) &
          tbb::make_filter<std::shared_ptr<RunRecord>, void>(
              tbb::filter_mode::serial_in_order, [&](const std::shared_ptr<RunRecord>& r) { done(std::move(*r)); }));
}

}  // namespace tokenfab
