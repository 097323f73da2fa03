#include "calibration/closed_loop.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>

#include "base/error.h"
#include "calibration/errors.h"
#include "kernels/bench/bench.h"

namespace tokenfab::calibration {
namespace {

using engine::EngineRecord;
using engine::ReplayTrace;

/// Gives each step the time that was recorded for it.
class RecordedExecutor final : public Executor {
 public:
  RecordedExecutor(const EngineRecord& log, std::size_t& next, std::int64_t& differences)
      : log_(log), next_(next), differences_(differences) {}

  Progress run(const StepPlan& plan, Ticks start, Ns) override {
    if (plan.serial == serial_) return progress_;
    serial_ = plan.serial;
    if (next_ >= log_.steps.size()) {
      ++differences_;
      return progress_ = {1, start + ticks_from_ns(1'000'000)};
    }
    const engine::StepRecord& step = log_.steps[next_++];
    if (!(step.sums == plan.sums)) ++differences_;
    return progress_ = {1, start + ticks_from_ns(step.elapsed_ns)};
  }

 private:
  const EngineRecord& log_;
  std::size_t& next_;
  std::int64_t& differences_;
  std::uint64_t serial_ = 0;
  Progress progress_;
};

RunRecord simulate_pool(const PoolSpec& pool, const ReplayTrace& trace, bool stepwise) {
  FactorySpec factory;
  factory.pools = {pool};
  factory.stepwise = stepwise;
  RunRecord record;
  record.keeps_rows = true;
  engine::MemorySource source(trace);
  simulate(factory, source, record);
  return record;
}

struct Means {
  double throughput = 0, ttft = 0, tpot = 0, e2e = 0;
};

Means means_of(const RunRecord& r) {
  return {static_cast<double>(r.output_served) / r.makespan_s, r.latency.ttft.mean() * 1e-9,
          r.latency.tpot.mean() * 1e-9, r.latency.e2e.mean() * 1e-9};
}

double median(std::vector<double> v) { return quantile(std::move(v), 0.5); }

/// One machine's measurements over several rounds: the median of each point's medians.
class Rounds {
 public:
  void add(const engine::Measurement& m) {
    const auto [at, first] = times_.try_emplace(m.key);
    if (first) points_.push_back(m);
    at->second.push_back(m.median_s);
  }
  std::vector<engine::Measurement> medians() const {
    std::vector<engine::Measurement> all = points_;
    for (engine::Measurement& m : all) m.median_s = median(times_.at(m.key));
    return all;
  }

 private:
  std::map<std::string, std::vector<double>> times_;
  std::vector<engine::Measurement> points_;
};

engine::MeasureOptions sweep(const ClosedLoopOptions& o) {
  engine::MeasureOptions m;
  m.seconds = o.measure_seconds;
  m.most_batch = o.engine.batcher.max_sequences;
  m.most_context = o.max_input + o.max_output;
  m.most_prefill = std::min<std::int64_t>(o.engine.batcher.token_budget, o.max_input);
  m.rounds = 1;
  m.sparse = true;
  return m;
}

/// Arrivals over `span_s`, in the trace's own pattern.
void stretch(ReplayTrace& trace, double span_s) {
  const Ns first = trace.requests.front().arrival, last = trace.requests.back().arrival;
  const double scale = last > first ? span_s * 1e9 / static_cast<double>(last - first) : 0;
  for (Request& r : trace.requests) r.arrival = static_cast<Ns>(static_cast<double>(r.arrival - first) * scale);
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char date[16];
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
  return date;
}

}  // namespace

std::int64_t recorded_differences(const BatcherSpec& batcher, const ReplayTrace& trace, const EngineRecord& log,
                                  const RunRecord& measured) {
  std::int64_t differences = 0;
  std::size_t next = 0;
  PoolSpec pool;
  pool.name = "recorded";
  pool.batcher = batcher;
  pool.batcher.log_kv = false;
  pool.executor = [&] { return std::make_unique<RecordedExecutor>(log, next, differences); };
  const RunRecord again = simulate_pool(pool, trace, true);
  differences += static_cast<std::int64_t>(log.steps.size() - next);
  require(again.rows.size() == measured.rows.size(), "a replay keeps a row per request");
  for (std::size_t i = 0; i < again.rows.size(); ++i) differences += !(again.rows[i] == measured.rows[i]);
  return differences;
}

ClosedLoop closed_loop(kernels::Backend& backend, const ClosedLoopOptions& options,
                       const std::function<std::unique_ptr<RequestSource>()>& source, const Catalog& catalog,
                       const std::function<void(const std::string&)>& say) {
  const auto tell = [&](const std::string& what) {
    if (say) say(what);
  };
  engine::EngineSpec spec = options.engine;
  spec.context = std::max<std::int64_t>(spec.context, 2 * (options.max_input + options.max_output));
  const kernels::Ceilings ceilings = kernels::measure_ceilings(backend, false);
  engine::Engine engine(backend, spec);
  const BatcherSpec batcher = engine.spec().batcher;
  const MeasurementHeader header{
      backend.description(),  TOKENFAB_VERSION,   today(),        spec.model, kernels::name(spec.weights),
      kernels::name(spec.kv), ceilings.read_gbps, ceilings.tflops};
  ReplayTrace trace = engine::fit_trace(*source(), {options.requests, options.max_input, options.max_output, 1.0});
  require(!trace.requests.empty(), "a closed loop needs requests");
  const auto prompts = engine::synthetic_prompts(trace, engine.model().config().vocab, spec.seed);

  Rounds rounds;
  std::vector<EngineRecord> logs;
  std::vector<RunRecord> replays;
  const auto fit = [&] { return engine_measurements(header, rounds.medians(), options.chip, catalog); };
  const auto simulated_pool = [&](const EngineMeasurements& measured, const Calibration& calibration) {
    PoolSpec pool;
    pool.name = "simulated";
    pool.batcher = batcher;
    pool.batcher.log_kv = false;
    pool.model =
        std::make_shared<StepModel>(step_model_of(measured, std::make_shared<Calibration>(calibration), batcher));
    return pool;
  };
  for (int round = 0; round < options.rounds; ++round) {
    tell("round " + std::to_string(round + 1) + " of " + std::to_string(options.rounds) + ": measuring operators");
    measure(engine, sweep(options), {}, [&](const engine::Measurement& m) { rounds.add(m); });
    if (round == 0) {  // how fast may requests come?
      const EngineMeasurements measured = fit();
      stretch(trace, 0);
      const RunRecord at_once = simulate_pool(simulated_pool(measured, fit_engine(measured, "first")), trace, false);
      trace = engine::fit_trace(*source(), {options.requests, options.max_input, options.max_output, 1.0});
      stretch(trace, at_once.makespan_s / options.load);
    }
    tell("round " + std::to_string(round + 1) + ": replaying " + std::to_string(trace.requests.size()) + " requests");
    RunRecord& record = replays.emplace_back();
    record.keeps_rows = true;
    replay(engine, trace, prompts, record, logs.emplace_back());
  }

  ClosedLoop out;
  out.device = backend.description(), out.model = spec.model;
  out.requests = static_cast<std::int64_t>(trace.requests.size());
  const EngineMeasurements measured = fit();
  out.calibration = fit_engine(measured, "closed-loop");
  const PoolSpec pool = simulated_pool(measured, out.calibration);
  std::vector<Compared> all, decode, mixed;
  for (std::size_t r = 0; r < logs.size(); ++r) {
    out.schedule_differences += recorded_differences(batcher, trace, logs[r], replays[r]);
    for (const engine::StepRecord& s : logs[r].steps) {
      all.push_back({predict_step(*pool.model, s.sums), s.elapsed_s});
      (s.sums.prefill_tokens == 0 ? decode : mixed).push_back(all.back());
      ++out.steps;
    }
  }
  const std::string split = "iterations of the replay, which the fit did not see";
  out.iterations = error_of(all, "any iteration", split);
  if (!decode.empty()) out.decode = error_of(decode, "decode iteration", split);
  if (!mixed.empty()) out.mixed = error_of(mixed, "iteration with prefill", split);
  const Means simulated = means_of(simulate_pool(pool, trace, false));
  const auto metric = [&](const char* what, double Means::*value) {
    std::vector<double> runs;
    for (const RunRecord& r : replays) runs.push_back(means_of(r).*value);
    out.metrics.push_back({what, median(runs), simulated.*value});
  };
  metric("throughput, output tokens/s", &Means::throughput);
  metric("mean TTFT, s", &Means::ttft);
  metric("mean TPOT, s", &Means::tpot);
  metric("mean E2E, s", &Means::e2e);
  return out;
}

}  // namespace tokenfab::calibration
