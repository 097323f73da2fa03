#include "calibration/closed_loop.h"

#include <fmt/format.h>

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
  m.least_of_each = 4;  // what the fit needs, however busy the machine is
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

engine::EngineSpec sized(const ClosedLoopOptions& o) {
  engine::EngineSpec spec = o.engine;
  spec.context = std::max<std::int64_t>(spec.context, 2 * (o.max_input + o.max_output));
  return spec;
}

class Loop {
 public:
  Loop(kernels::Backend& backend, const ClosedLoopOptions& options, RequestSource& source, const Catalog& catalog)
      : options_(options),
        catalog_(catalog),
        ceilings_(kernels::measure_ceilings(backend, false)),
        device_(backend.description()),
        engine_(backend, sized(options)) {
    trace_ = engine::fit_trace(source, {options.requests, options.max_input, options.max_output, 1.0});
    if (trace_.requests.empty()) throw UserError("the trace holds no request to replay");
    burst_ = trace_;
    stretch(burst_, 0);
  }

  void measure_operators() {
    measure(engine_, sweep(options_), {}, [&](const engine::Measurement& m) { rounds_.add(m); });
  }

  /// Spreads arrivals so that they ask for the wanted share of what the first round says the machine can do.
  void set_load() {
    const EngineMeasurements m = measured();
    stretch(trace_, simulate_pool(pool(m, fit_engine(m, "first")), burst_, false).makespan_s / options_.load);
  }

  void run() {
    replay_into(trace_, replays_.emplace_back(), logs_.emplace_back());
    EngineRecord unused;
    replay_into(burst_, bursts_.emplace_back(), unused);
  }

  ClosedLoop result() const {
    ClosedLoop out;
    out.device = device_, out.model = options_.engine.model;
    out.requests = static_cast<std::int64_t>(trace_.requests.size());
    const EngineMeasurements m = measured();
    out.calibration = fit_engine(m, "closed-loop");
    const PoolSpec simulated = pool(m, out.calibration);
    compare_iterations(*simulated.model, out);
    const RunRecord paced = simulate_pool(simulated, trace_, false), burst = simulate_pool(simulated, burst_, false);
    out.metrics = {side_by_side("throughput, output tokens/s", &Means::throughput, replays_, paced),
                   side_by_side("mean TTFT, s", &Means::ttft, replays_, paced),
                   side_by_side("mean TPOT, s", &Means::tpot, replays_, paced),
                   side_by_side("mean E2E, s", &Means::e2e, replays_, paced),
                   side_by_side("throughput, all at once", &Means::throughput, bursts_, burst)};
    return out;
  }

 private:
  EngineMeasurements measured() const {
    const MeasurementHeader header{device_,
                                   TOKENFAB_VERSION,
                                   today(),
                                   options_.engine.model,
                                   kernels::name(options_.engine.weights),
                                   kernels::name(options_.engine.kv),
                                   ceilings_.read_gbps,
                                   ceilings_.tflops};
    return engine_measurements(header, rounds_.medians(), options_.chip, catalog_);
  }

  PoolSpec pool(const EngineMeasurements& m, const Calibration& calibration) const {
    PoolSpec p;
    p.name = "simulated";
    p.batcher = engine_.spec().batcher;
    p.batcher.log_kv = false;
    p.model = std::make_shared<StepModel>(step_model_of(m, std::make_shared<Calibration>(calibration), p.batcher));
    return p;
  }

  void replay_into(const ReplayTrace& trace, RunRecord& record, EngineRecord& log) {
    record.keeps_rows = true;
    const auto prompts = engine::synthetic_prompts(trace, engine_.model().config().vocab, options_.engine.seed);
    replay(engine_, trace, prompts, record, log);
  }

  void compare_iterations(const StepModel& model, ClosedLoop& out) const {
    std::vector<Compared> all, decode, mixed;
    for (std::size_t r = 0; r < logs_.size(); ++r) {
      out.schedule_differences += recorded_differences(engine_.spec().batcher, trace_, logs_[r], replays_[r]);
      for (const engine::StepRecord& s : logs_[r].steps) {
        all.push_back({predict_step(model, s.sums), s.elapsed_s});
        (s.sums.prefill_tokens == 0 ? decode : mixed).push_back(all.back());
      }
    }
    out.steps = static_cast<std::int64_t>(all.size());
    const std::string split = "iterations of the replay, which the fit did not see";
    out.iterations = error_of(all, "any iteration", split);
    if (!decode.empty()) out.decode = error_of(decode, "decode iteration", split);
    if (!mixed.empty()) out.mixed = error_of(mixed, "iteration with prefill", split);
  }

  static SideBySide side_by_side(const char* what, double Means::*value, const std::vector<RunRecord>& runs,
                                 const RunRecord& simulated) {
    std::vector<double> real;
    for (const RunRecord& r : runs) real.push_back(means_of(r).*value);
    return {what, median(real), means_of(simulated).*value};
  }

  ClosedLoopOptions options_;
  const Catalog& catalog_;
  kernels::Ceilings ceilings_;
  std::string device_;
  engine::Engine engine_;
  ReplayTrace trace_, burst_;  // paced, and everything at time 0
  Rounds rounds_;
  std::vector<EngineRecord> logs_;
  std::vector<RunRecord> replays_, bursts_;
};

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
  Loop loop(backend, options, *source(), catalog);
  for (int round = 0; round < options.rounds; ++round) {
    if (say) say(fmt::format("round {} of {}: measuring operators, then running", round + 1, options.rounds));
    loop.measure_operators();
    if (round == 0) loop.set_load();
    loop.run();
  }
  return loop.result();
}

}  // namespace tokenfab::calibration
