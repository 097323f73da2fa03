// Files of an engine's measurements, calibrations fitted to them, and the check that engine and simulator decide alike.
#include "calibration/engine_fit.h"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "calibration/closed_loop.h"
#include "sim/workload/builtin.h"
#include "sim/workload/generator.h"
#include "tests/catch.h"
#include "tests/engine/engine_fixture.h"
#include "tests/support/deployments.h"

using namespace tokenfab;
using namespace tokenfab::calibration;
using engine::Measurement;
namespace fs = std::filesystem;

namespace {

const std::string kHeader = R"({"header": true, "tool": "tokenfab engine measure", "version": "9.9",)"
                            R"( "date": "2026-11-20", "device": "a box", "model": "tiny", "weights": "int8",)"
                            R"( "kv": "fp8", "page_tokens": 16, "copy_gbps": 20, "read_gbps": 30,)"
                            R"( "peak_tflops": 0.2})";

std::string row(const std::string& op, const std::string& more, const std::string& kind = "operator") {
  return R"({"key": ")" + op + R"( 1", "kind": ")" + kind + R"(", "op": ")" + op +
         R"(", "median_s": 1e-5, "p10_s": 1e-5, "p90_s": 1e-5, "rounds": 3, "bytes": 1, "flop": 1, "layers": 4, )" +
         more + "}";
}

EngineMeasurements read(const std::vector<std::string>& lines, const std::string& chip = "") {
  const fs::path path = fs::temp_directory_path() / ("tokenfab-measured-" + std::to_string(::getpid()) + ".jsonl");
  std::ofstream out(path);
  for (const std::string& line : lines) out << line << "\n";
  out.close();
  const auto remove = [&] { fs::remove(path); };
  try {
    EngineMeasurements m = read_engine_measurements(path.string(), chip, Catalog::standard());
    remove();
    return m;
  } catch (const UserError& e) {
    remove();
    const std::string error = e.what();
    REQUIRE(error.rfind(path.string() + ": ", 0) == 0);
    throw UserError(error.substr(path.string().size() + 2));
  }
}

/// What an engine with the figures of `truth` would measure on an H100.
class Synthetic {
 public:
  explicit Synthetic(Calibration truth) : truth_(std::make_shared<Calibration>(std::move(truth))) {
    operators();
    const StepModel model = step_model_of(measured(), truth_);  // sums of the steps do not matter for the deployment
    for (const std::int64_t n : {1, 2, 4, 8, 16, 32, 64})
      for (const std::int64_t context : {64, 256, 1024, 2048}) step(model, "decode", {n, n * context, 0, 0, 0, 0, 0});
    for (const std::int64_t t : {16, 32, 64, 128, 256, 512, 1024}) {
      step(model, "prefill", {0, 0, t, 1, t * (t + 1) / 2, t, 1});
      step(model, "mixed", {9, 9 * 300, t, 2, t * (t + 1) / 4, t, 1});
    }
  }

  EngineMeasurements measured() const {
    const MeasurementHeader header{"synthetic", "1", "2026-11-20", "llama-100m", "bf16", "bf16", 3000, 900};
    return engine_measurements(header, all_, "h100-sxm", Catalog::standard());
  }

 private:
  void add(Measurement m, const std::string& figure, double calls, const OpWork& work) {
    const Chip chip = Catalog::standard().chip("h100-sxm");
    const OpEfficiency& e = truth_->ops.at(figure);
    m.kind = "operator";
    m.median_s = e.floor.value / calls + std::max(work.bytes / (chip.bandwidth.value * e.bandwidth.value),
                                                  work.flop / (chip.peak.at("bf16").value * e.compute.value));
    all_.push_back(std::move(m));
  }

  void operators() {
    const Llm llm = llm_of(engine::load_config("llama-100m"));
    const AttentionShape heads{static_cast<double>(llm.heads), static_cast<double>(llm.kv_heads),
                               static_cast<double>(llm.head_dim)};
    for (const OpClass c : {OpClass::qkv_gemm, OpClass::o_gemm, OpClass::mlp_gemm, OpClass::lm_head})
      for (const GemmShape& s : gemm_shapes(c, llm, 1))
        for (const std::int64_t rows : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048}) {
          Measurement m;
          m.op = kOpClassNames[static_cast<std::size_t>(c)];
          m.rows = rows, m.n = static_cast<std::int64_t>(s.n), m.k = static_cast<std::int64_t>(s.k);
          OpWork w = gemm_work(s, static_cast<double>(rows), Dtype::bf16);
          if (c == OpClass::lm_head) w.bytes += 6.0 * static_cast<double>(rows) * s.n;
          add(m, m.op, c == OpClass::mlp_gemm ? 2 : 1, w);
        }
    for (std::int64_t n = 1; n <= 64; n *= 2)
      for (std::int64_t context = 64; context <= 2048; context *= 2) {
        Measurement m;
        m.op = "decode_attention", m.rows = m.batch = n, m.context = context;
        const auto kv = static_cast<double>(n * context);
        add(m, m.op, 1, attention_work(heads, static_cast<double>(n), kv, kv, Dtype::bf16));
      }
    for (std::int64_t t = 16; t <= 2048; t *= 2) {
      Measurement m;
      m.op = "prefill_attention", m.rows = m.chunk = m.context = t;
      const auto x = static_cast<double>(t);
      add(m, m.op, 1, attention_work(heads, x, x * (x + 1) / 2, x, Dtype::bf16));
      m = {};
      m.op = "norm_activation", m.rows = t;
      add(m, m.op, 1, {2 * x * elementwise_elements(llm, llm.ffn, 1), 0});
    }
  }

  void step(const StepModel& model, const std::string& kind, const StepSums& sums) {
    Measurement m;
    m.kind = "step", m.op = kind, m.sums = sums;
    m.rows = sums.decode_sequences + sums.prefill_tokens;
    m.batch = sums.decode_sequences;
    m.context = m.batch > 0 ? sums.decode_kv_tokens / m.batch : 0;
    m.median_s = model.evaluate(sums).total();
    all_.push_back(m);
  }

  std::shared_ptr<const Calibration> truth_;
  std::vector<Measurement> all_;
};

Calibration made_up_engine() {
  using testing::made_up;
  Calibration c;
  const auto figures = [](double b, double f, double floor) -> OpEfficiency {
    return {made_up(b), made_up(f), made_up(floor)};
  };
  c.ops["qkv_gemm"] = c.ops["o_gemm"] = figures(0.7, 0.5, 3e-6);
  c.ops["mlp_gemm"] = figures(0.7, 0.5, 6e-6);  // two calls
  c.ops["lm_head"] = figures(0.8, 0.6, 5e-6);
  c.ops["decode_attention"] = figures(0.5, 0.2, 4e-6);
  c.ops["prefill_attention"] = figures(0.6, 0.3, 7e-6);
  c.ops["norm_activation"] = figures(0.65, 1, 2e-6);
  c.step_gap = made_up(150e-6);
  c.sequence_gap = made_up(4e-6);
  return c;
}

const FitError& error(const Calibration& c, const std::string& what) {
  for (const FitError& e : c.errors)
    if (e.what == what) return e;
  throw InternalError("no error of " + what);
}

}  // namespace

TEST_CASE("a file of measurements becomes points with the work that the step model counts") {
  // tiny: hidden 128, 4 query and 2 KV heads of 32, feed-forward 256, vocabulary 512.
  const EngineMeasurements m =
      read({kHeader, row("qkv_gemm", R"("rows": 16, "n": 256, "k": 128)"),
            row("lm_head", R"("rows": 4, "n": 512, "k": 128)"),
            row("decode_attention", R"("rows": 3, "batch": 3, "context": 50)"),
            row("prefill_attention", R"("rows": 10, "chunk": 10, "context": 30)"),
            row("norm_activation", R"("rows": 7)"), row("sampling", R"("rows": 7)"),
            row("mixed",
                R"("rows": 13, "batch": 3, "context": 70, "sums": {"decode_sequences": 3, "decode_kv_tokens": 210,)"
                R"( "prefill_tokens": 10, "prefill_sequences": 1, "prefill_attention": 255, "prefill_kv_tokens": 30,)"
                R"( "prefill_outputs": 0})",
                "step")});
  CHECK(m.device == "a box");
  CHECK(m.version == "9.9");
  CHECK(m.deployment.weights == Dtype::int8);
  CHECK(m.deployment.kv == Dtype::fp8);
  CHECK(m.deployment.chip.id == "this-machine");
  CHECK(m.deployment.chip.bandwidth.value == 30e9);
  CHECK(m.deployment.chip.peak.at("bf16").value == 0.2e12);
  CHECK(m.range.most_tokens == 16);
  CHECK(m.range.most_sequences == 3);
  CHECK(m.range.most_context == 50);

  REQUIRE(m.operators.size() == 5);
  const OperatorPoint& gemm = m.operators[0];
  CHECK(gemm.figure() == "gemm:w-int8");
  CHECK(gemm.work.bytes == 256 * 128 + 16 * (256 + 128) * 2);
  CHECK(gemm.work.flop == 2 * 16 * 256 * 128);
  CHECK((gemm.a == 16 && gemm.b == 256 && gemm.c == 128));
  CHECK(gemm.seconds == 1e-5);
  CHECK(gemm.bandwidth == 30e9);
  const OperatorPoint& head = m.operators[1];
  CHECK(head.figure() == "lm_head");
  CHECK(head.work.bytes == 512 * 128 * 2 + 4 * (128 * 2 + 512 * 8));
  const OperatorPoint& decode = m.operators[2];
  CHECK(decode.figure() == "decode_attention:fp8");
  CHECK(decode.work.bytes == 150 * 2 * 2 * 32 + 3 * 2 * 4 * 32 * 2);
  CHECK(decode.work.flop == 4 * 4 * 32 * 150);
  CHECK((decode.a == 6 && decode.b == 50));
  const OperatorPoint& prefill = m.operators[3];
  CHECK(prefill.work.bytes == 30 * 2 * 2 * 32 + 10 * 2 * 4 * 32 * 2);
  CHECK(prefill.work.flop == 4 * 4 * 32 * (10 * 20 + 55));
  CHECK((prefill.a == 40 && prefill.b == 30));
  CHECK(m.operators[4].work.bytes == 7 * 2 * (8 * 128 + 4 * 4 * 32 + 3 * 256));

  REQUIRE(m.steps.size() == 1);
  CHECK(m.steps[0].kind == "mixed");
  CHECK(m.steps[0].sums == StepSums{3, 210, 10, 1, 255, 30, 0});
}

TEST_CASE("a machine's peaks are above the best that was measured on it") {
  const std::string fast = R"({"key": "x", "kind": "operator", "op": "qkv_gemm", "rows": 1, "median_s": 1e-6,)"
                           R"( "bytes": 1e6, "flop": 1e6, "n": 256, "k": 128})";
  const EngineMeasurements m = read({kHeader, fast});
  CHECK(m.deployment.chip.bandwidth.value == Approx(1.02e12));
  CHECK(m.deployment.chip.peak.at("bf16").value == Approx(1.02e12));
  CHECK(read({kHeader, fast}, "l4").deployment.chip.bandwidth.value == Catalog::standard().chip("l4").bandwidth.value);
}

TEST_CASE("a file of measurements that is broken is refused with its line") {
  const std::string good = row("norm_activation", R"("rows": 7)");
  const auto says = [](const std::vector<std::string>& lines, const std::string& start) {
    CHECK_THROWS_WITH(read(lines), Catch::StartsWith(start));
  };
  says({kHeader, good, good.substr(0, 40)}, "line 3: is not a row of tokenfab engine measure");
  says({kHeader, "[1, 2]"}, "line 2: is not a row");
  says({kHeader, R"({"key": "x"})"}, "line 2: is not a row");
  says({kHeader, row("norm_activation", R"("rows": "many")")}, "line 2: is not a row");
  says({kHeader, row("decode", R"("rows": 7)", "step")}, "line 2: is not a row");
  says({good}, "has no header");
  says({R"({"header": true})"}, "line 1: is not a row");
  std::string other = kHeader;
  other.replace(other.find("int8"), 4, "int5");
  says({other}, "line 1: \"int5\" is not a known type");
  std::string idle = good;
  idle.replace(idle.find("1e-5"), 4, "0");
  says({kHeader, idle}, "line 2: is not a row of tokenfab engine measure: /median_s: 0 is out of range");
  // A row that would make the fit divide by nothing, or allocate by the row.
  const std::string shape = R"("rows": 16, "batch": 1, "context": 16)";
  says({kHeader, row("prefill_attention", shape)},
       "line 2: is not a row of tokenfab engine measure: /chunk: is missing");
  says({kHeader, row("prefill_attention", shape + R"(, "chunk": 17)")},
       "line 2: is not a row of tokenfab engine measure: /chunk: is more than its context");
  says({kHeader, row("norm_activation", R"("rows": 2147483647)")},
       "line 2: is not a row of tokenfab engine measure: /rows: 2147483647 is out of range");
  CHECK_THROWS_WITH(read_engine_measurements("absent.jsonl", "", Catalog::standard()),
                    "absent.jsonl: cannot be opened for reading");
}

TEST_CASE("an engine fit predicts unseen steps and finds the gaps of the engine that was measured") {
  const Calibration truth = made_up_engine();
  const EngineMeasurements measured = Synthetic(truth).measured();
  const Calibration fit = fit_engine(measured, "synthetic");
  CHECK(fit.id == "synthetic");
  CHECK(fit.engine == "tokenfab");
  CHECK(fit.chip == "h100-sxm");
  CHECK(fit.grade == Grade::measured);
  CHECK(!fit.own_chip);
  CHECK(fit.range.most_sequences == 64);
  for (const auto& [name, e] : truth.ops) {
    CAPTURE(name);
    REQUIRE(fit.ops.count(name) == 1);
    const Sourced& bandwidth = fit.ops.at(name).bandwidth;  // short prefills hardly depend on it, and the fit says so
    CHECK(std::fabs(bandwidth.value / e.bandwidth.value - 1) < std::max(0.05, 2 * bandwidth.error));
    CHECK(fit.ops.at(name).floor.value == Approx(e.floor.value).epsilon(0.05));
  }
  CHECK(fit.step_gap->value == Approx(truth.step_gap->value).epsilon(0.1));
  CHECK(fit.sequence_gap->value == Approx(truth.sequence_gap->value).epsilon(0.1));
  CHECK(error(fit, "any step").median < 0.01);
  CHECK(error(fit, "decode step").p90 < 0.02);
  CHECK(error(fit, "any step").n == static_cast<std::int64_t>(measured.steps.size() / 2));

  // Sums that no measured step had.
  const StepModel model = step_model_of(measured, std::make_shared<Calibration>(fit)),
                  real = step_model_of(measured, std::make_shared<Calibration>(truth));
  for (const StepSums& s : std::vector<StepSums>{
           {23, 23 * 700, 0, 0, 0, 0, 0}, {0, 0, 777, 1, 777 * 389, 777, 1}, {40, 40 * 1500, 90, 2, 9000, 400, 1}})
    CHECK(predict_step(model, s) == Approx(real.evaluate(s).total()).epsilon(0.015));
}

TEST_CASE("operators that are slower together than alone are made so") {
  const Calibration truth = made_up_engine();
  EngineMeasurements measured = Synthetic(truth).measured();
  for (OperatorPoint& p : measured.operators) p.seconds /= 1.15;  // alone
  const Calibration fit = fit_engine(measured, "synthetic");
  CHECK(fit.ops.at("decode_attention").floor.value ==
        Approx(truth.ops.at("decode_attention").floor.value / 1.15).epsilon(0.05));
  CHECK(fit.in_step->floor.value == Approx(1.15).epsilon(0.05));
  CHECK(fit.in_step->bandwidth.value == Approx(1.15).epsilon(0.05));
  CHECK(error(fit, "any step").median < 0.01);
  CHECK(fit.step_gap->value == Approx(truth.step_gap->value).epsilon(0.1));
}

TEST_CASE("metered steps give the shares of power by bound; without a meter there are none") {
  EngineMeasurements measured = Synthetic(made_up_engine()).measured();
  CHECK(!fit_engine(measured, "synthetic").dynamic_bandwidth);
  const double tdp = measured.deployment.chip.tdp.value;
  measured.idle_watts = 0.2 * tdp, measured.power_source = "a meter";
  for (StepPoint& s : measured.steps)
    s.joules = s.seconds * (s.kind == "decode" ? 0.6 : 0.9) * tdp;  // (0.6 - 0.2) / 0.8, (0.9 - 0.2) / 0.8
  const Calibration fit = fit_engine(measured, "synthetic");
  CHECK(fit.dynamic_bandwidth->value == Approx(0.5));
  CHECK(fit.dynamic_compute->value == Approx(0.875));
}

TEST_CASE("an engine's steps are judged by a fit that did not see them") {
  EngineMeasurements measured = Synthetic(made_up_engine()).measured();
  for (std::size_t i = 1; i < measured.steps.size(); i += 2) measured.steps[i].seconds *= 2;
  const Calibration fit = fit_engine(measured, "synthetic");
  CHECK(error(fit, "any step").median == Approx(0.5).epsilon(0.03));
  CHECK(error(fit, "any step").bias == Approx(-0.5).epsilon(0.03));
}

TEST_CASE("an engine fit without decode attention is refused") {
  EngineMeasurements measured = Synthetic(made_up_engine()).measured();
  std::erase_if(measured.operators, [](const OperatorPoint& p) { return p.group == "decode_attention"; });
  CHECK_THROWS_AS(fit_engine(measured, "synthetic"), UserError);
}

TEST_CASE("a replay's recorded times give the engine's schedule back, and any other does not") {
  const auto backend = kernels::make_cpu_backend(1);
  engine::EngineSpec spec = engine::tiny_spec();
  engine::Engine engine(*backend, spec);
  const auto requests = make_generator(builtin_workload("azure-conv-2023", 1, 0));
  const engine::ReplayTrace trace = engine::fit_trace(*requests, {12, 60, 30, 1000});
  REQUIRE(trace.requests.size() == 12);
  RunRecord record;
  record.keeps_rows = true;
  engine::EngineRecord log;
  replay(engine, trace, engine::synthetic_prompts(trace, engine.model().config().vocab, 7), record, log);
  const BatcherSpec batcher = engine.spec().batcher;
  REQUIRE(log.steps.size() > 30);
  CHECK(recorded_differences(batcher, trace, log, record) == 0);

  engine::EngineRecord changed = log;
  changed.steps[log.steps.size() / 2].elapsed_ns += 1000;
  CHECK(recorded_differences(batcher, trace, changed, record) > 0);
  changed = log;
  changed.steps[5].sums.decode_kv_tokens += 1;
  CHECK(recorded_differences(batcher, trace, changed, record) == 1);
  changed = log;
  changed.steps.pop_back();
  CHECK(recorded_differences(batcher, trace, changed, record) > 0);
  changed = log;
  changed.steps.push_back(log.steps.back());
  CHECK(recorded_differences(batcher, trace, changed, record) == 1);
  BatcherSpec other = batcher;
  other.max_sequences = 2;
  CHECK(recorded_differences(other, trace, log, record) > 0);
}
