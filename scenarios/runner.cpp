#include "scenarios/runner.h"

#include <fmt/format.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/parallel_pipeline.h>

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "hwmodels/trust.h"
#include "scenarios/capacity.h"
#include "scenarios/sizing.h"
#include "sim/core/bands.h"
#include "sim/core/row_spool.h"
#include "sim/economics/breakeven.h"
#include "sim/economics/pricing.h"

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

/// Where the run left what its hardware models were calibrated on.
void note_extrapolations(const Alternative& a, RunRecord& record) {
  for (std::size_t i = 0; i < a.pools.size(); ++i) {
    const Deployment& d = a.pools[i].spec.model->deployment();
    const PoolUsage& u = record.pools[i];
    std::vector<std::string> all = trust_of(d).extrapolations;
    for (auto& more : beyond_range(d, {u.most_sequences, u.most_context, u.most_tokens})) all.push_back(more);
    for (const auto& what : all) record.assumptions.push_back({kExtrapolation, what, u.name});
  }
}

double band_of(const PoolPlan& pool) { return trust_of(pool.spec.model->deployment()).band; }

bool has_bands(const Alternative& a) {
  return std::any_of(a.pools.begin(), a.pools.end(), [](const PoolPlan& pool) { return band_of(pool) > 0; });
}

constexpr double kShortest = 0.1;  // of the predicted step time, where errors of 90 % and more are expected

/// The same factory with every step longer (+1) or shorter (-1) by the error expected of its pool.
Alternative with_error(const Alternative& a, int sign) {
  Alternative out = a;
  const auto change = [sign](PoolPlan& pool) {
    Deployment d = pool.spec.model->deployment();
    d.time_scale *= std::max(kShortest, 1 + sign * band_of(pool));
    pool.spec.model = std::make_shared<StepModel>(std::move(d));
  };
  for (PoolPlan& pool : out.pools) {
    change(pool);
    for (PoolPlan& wider : pool.wider) change(wider);
  }
  return out;
}

/// Requests of which no provider's cache held anything.
class WithoutHits : public RequestSource {
 public:
  explicit WithoutHits(std::unique_ptr<RequestSource> inner) : inner_(std::move(inner)) {}
  void read(RequestBatch& batch, std::size_t limit) override {
    inner_->read(batch, limit);
    for (Request& r : batch.requests) r.cached_tokens = 0;
  }
  bool closed_loop() const override { return inner_->closed_loop(); }
  void ended(const Request& request, Ns end, bool served, RequestBatch& next) override {
    inner_->ended(request, end, served, next);
  }

 private:
  std::unique_ptr<RequestSource> inner_;
};

/// The same factory where every prompt is computed whole.
Alternative without_hits(const Alternative& a) {
  Alternative out = a;
  for (PoolPlan& pool : out.pools) {
    pool.spec.batcher.prefix_cache = false;
    pool.spec.batcher.tiers.clear();
    pool.spec.prefix = {};
  }
  out.workload = {[workload = a.workload](std::uint64_t seed, std::uint32_t replication) {
                    OpenWorkload open = workload.open(seed, replication);
                    open.source = std::make_unique<WithoutHits>(std::move(open.source));
                    return open;
                  },
                  a.workload.expected_requests(), a.workload.facts()};
  return out;
}

double busy_seconds(const RunRecord& r) {
  double out = 0;
  for (const PoolUsage& u : r.pools) out += u.busy_chip_seconds;
  return out;
}

std::string band_basis(const Alternative& a) {
  std::string each;
  for (const PoolPlan& pool : a.pools) {
    each += each.empty() ? "" : "; ";
    if (a.pools.size() > 1) each += pool.spec.name + ": ";
    each += band_of(pool) > 0 ? fmt::format("{:.3g} %", 100 * band_of(pool)) : "not measured, left as it is";
  }
  return "range over this run and two more of the same requests, every step time longer and shorter by its expected "
         "error: " +
         each;
}

std::string why_no_bands(const Alternative& a, int replication, const RunOptions& options) {
  if (!has_bands(a)) return "not measured: no error of step times is known";
  if (!options.bands) return "not asked for";
  return replication > 0 ? "of the first replication only" : "";
}

/// Where nobody said how many requests there would be, the limit is found out at the end.
void drop_too_many_rows(RunRecord& record) {
  if (row_count(record) < kRowsByDefault) return;
  record.rows = {};
  record.spooled_rows.reset();
  record.keeps_rows = false;
}

Pricing pricing_of(const Alternative& a) {
  Pricing out{{}, a.plan, a.provider, a.quality};
  for (const PoolPlan& pool : a.pools) out.supplies.push_back(pool.supply);
  return out;
}

RunRecord simulate_once(const Scenario& scenario, const Alternative& alternative, int replication,
                        const RunOptions& options, const std::function<void(const RunProgress&)>& progress) {
  RunRecord record = planned_record(scenario, alternative, replication, options);
  FactorySpec spec;
  spec.router = alternative.router;
  spec.gateway = alternative.gateway;
  spec.seed = scenario.seed;
  spec.replication = static_cast<std::uint32_t>(replication);
  spec.stepwise = options.stepwise;
  spec.expected_requests = alternative.workload.expected_requests();
  spec.horizon_s = alternative.horizon_s;
  for (const auto& pool : alternative.pools) spec.pools.push_back(pool.spec);

  std::function<void(const SimulationProgress&)> report;
  if (progress)
    report = [&](const SimulationProgress& p) {
      progress({alternative.name, replication, p.offered, p.finished, alternative.workload.expected_requests(),
                p.simulated_s});
    };
  OpenWorkload workload = alternative.workload.open(scenario.seed, static_cast<std::uint32_t>(replication));
  SpendControl control;
  if (alternative.spending) workload.source = limit_spend(std::move(workload.source), *alternative.spending, control);
  if (record.keeps_rows && !options.row_folder.empty())
    record.spooled_rows = std::make_shared<RowSpool>(options.row_folder);
  simulate(spec, *workload.source, record, report);
  if (!options.rows) drop_too_many_rows(record);
  if (alternative.spending) record.spending = control;
  workload.finish(record);
  note_extrapolations(alternative, record);

  price_all(record, pricing_of(alternative));
  return record;
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
  r.keeps_rows = options.rows ? *options.rows : expected < kRowsByDefault;  // 0: unknown
  note_provenance(a, r);
  return r;
}

namespace {

/// What cache hits are worth: the same run without.
void note_saving(const Scenario& scenario, const Alternative& a, const RunOptions& options, RunRecord& record) {
  if (record.cached_tokens == 0) return;
  const RunRecord without = simulate_once(scenario, without_hits(a), record.replication, options, {});
  record.cost.detail.cached_saving_usd = without.cost.usd_total - record.cost.usd_total;
  record.cost.detail.cached_saving_busy_s = busy_seconds(without) - busy_seconds(record);
}

bool changes_size(const Alternative& a) {
  return std::any_of(a.pools.begin(), a.pools.end(),
                     [](const PoolPlan& p) { return p.spec.fleet.scaling.has_value(); });
}

/// The capacity of the factory as it is, in which loads and break-evens are counted.
void note_capacity(const Scenario& scenario, const Alternative& a, RunRecord& record) {
  Capacity& c = record.capacity;
  if (changes_size(a)) {
    c.how = "replicas come and go";
  } else {
    try {
      const FoundCapacity found = find_capacity(scenario, a);
      const double units = growth_units(record);
      c = {found.unit.requests_per_s * units, found.unit.requests_per_s_high * units, found.unit.how};
    } catch (const UserError& e) {
      c.how = e.what();
    } catch (const Infeasible& e) {
      c.how = e.what();
    }
  }
  price_all(record, pricing_of(a));
}

}  // namespace

RunRecord run_once(const Scenario& scenario, const Alternative& alternative, int replication, const RunOptions& options,
                   const std::function<void(const RunProgress&)>& progress) {
  const bool bands = options.bands && replication == 0 && has_bands(alternative);
  const bool capacity = options.capacity && replication == 0 && alternative.plan;
  RunOptions plain = options;
  plain.rows = false;
  RunRecord record, faster, slower;
  if (bands) {
    tbb::parallel_invoke(
        [&] { record = simulate_once(scenario, alternative, replication, options, progress); },
        [&] { faster = simulate_once(scenario, with_error(alternative, -1), replication, plain, {}); },
        [&] { slower = simulate_once(scenario, with_error(alternative, +1), replication, plain, {}); });
    record.bands = {band_basis(alternative), bands_over(record, faster, slower)};
    note_saving(scenario, alternative, plain, record);
  } else {
    record = simulate_once(scenario, alternative, replication, options, progress);
    record.bands.basis = why_no_bands(alternative, replication, options);
  }
  if (capacity) note_capacity(scenario, alternative, record);
  else record.capacity.how = "not asked for";
  return record;
}

namespace {

int jobs_of(const RunOptions& options) {
  return options.jobs > 0 ? options.jobs : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace

namespace {

/// Whether the factory keeps the SLO on its workload: steadily, where arrivals are of one law, whatever the number of
/// requests that the scenario asks for; else on just these requests.
bool keeps_slo(const Scenario& scenario, const Alternative& a, const RunOptions& options) {
  if (!a.workload.facts().even || a.horizon_s > 0) {
    const RunRecord r = simulate_once(scenario, a, 0, options, {});
    return !r.saturated && r.offered > 0 &&
           static_cast<double>(r.good_requests) >= a.slo.attainment * static_cast<double>(r.offered);
  }
  for (const std::int64_t requests : {kCapacityRequests / 8, kCapacityRequests}) {
    const Kept kept = try_steady(scenario, a, kMargin, requests).kept;
    if (kept == Kept::no) return false;
    if (requests == kCapacityRequests) return kept == Kept::yes;
  }
  return false;
}

std::string sized_text(const Alternative& a, const std::string& range) {
  std::string each;
  for (const PoolPlan& pool : a.pools) {
    if (!pool.fewest_replicas) continue;
    const Deployment& d = pool.spec.model->deployment();
    each += fmt::format("{}{} of tensor_parallel {} x pipeline_parallel {}", each.empty() ? "" : ", ",
                        pool.spec.replicas, d.tensor_parallel, d.pipeline_parallel);
  }
  return fmt::format("fewest chips in all with which {:.3g} % of requests meet the SLO{}: {}{}", 100 * a.slo.attainment,
                     a.workload.facts().even ? fmt::format(" steadily, at {:.3g} times the rate", kMargin) : "", each,
                     range);
}

/// Chips that the sized pools would take were every step longer (+1) or shorter (-1) by its expected error.
std::string chips_with_error(const Alternative& unsized, int sign,
                             const std::function<bool(const Alternative&)>& kept) {
  Alternative other = with_error(unsized, sign);
  try {
    return std::to_string(size_replicas(other, kept));
  } catch (const Infeasible&) {
    return "no number";
  }
}

void size_alternative(const Scenario& scenario, Alternative& a, const RunOptions& options) {
  if (!wants_sizing(a)) return;
  const auto kept = [&](const Alternative& x) { return keeps_slo(scenario, x, options); };
  const Alternative unsized = a;
  const int chips = size_replicas(a, kept);
  std::string range;
  if (options.bands && has_bands(a))
    range = fmt::format("; {} chips, and within the error of the step times {} to {}", chips,
                        chips_with_error(unsized, -1, kept), chips_with_error(unsized, +1, kept));
  std::string replicas;
  for (const PoolPlan& pool : a.pools)
    if (pool.fewest_replicas) replicas += (replicas.empty() ? "" : " + ") + std::to_string(pool.spec.replicas);
  a.assumptions.push_back({"replicas", replicas, sized_text(a, range)});
}

}  // namespace

void size_scenario(Scenario& scenario, const RunOptions& options) {
  RunOptions plain = options;
  plain.rows = false;
  std::vector<std::string> refused(scenario.alternatives.size());
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(jobs_of(options)));
  tbb::parallel_for(std::size_t{0}, scenario.alternatives.size(), [&](std::size_t i) {
    try {
      size_alternative(scenario, scenario.alternatives[i], plain);
    } catch (const Infeasible& e) {
      refused[i] = e.what();
    }
  });
  std::vector<Alternative> left;
  for (std::size_t i = 0; i < refused.size(); ++i) {
    if (refused[i].empty()) {
      left.push_back(std::move(scenario.alternatives[i]));
      continue;
    }
    const std::string& name = scenario.alternatives[i].name;
    if (!scenario.lists_infeasible) throw Infeasible(scenario.name + " (alternative \"" + name + "\"): " + refused[i]);
    scenario.infeasible.push_back({name, refused[i]});
  }
  scenario.alternatives = std::move(left);
  if (scenario.alternatives.empty() && !scenario.infeasible.empty())
    throw Infeasible(scenario.name + ": no alternative can work; " + scenario.infeasible.front().reason);
}

void run_scenario(const Scenario& scenario, const RunOptions& options, const std::function<void(RunRecord&&)>& done,
                  const std::function<void(const RunProgress&)>& progress) {
  const int replications = scenario.replications;
  const int total = static_cast<int>(scenario.alternatives.size()) * replications;
  const int jobs = jobs_of(options);
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
