#include "calibration/engine_fit.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "calibration/errors.h"
#include "calibration/least_squares.h"

namespace tokenfab::calibration {
namespace {

constexpr double kStepNoise = 0.03;

Sourced sourced(double value, const char* unit, const EngineMeasurements& m, double error) {
  return {value, unit, m.source, m.date, error};
}

OpEfficiency efficiency(const OperatorFit& f, double calls, const EngineMeasurements& m) {
  const auto share = [](double x) { return std::clamp(x, 1e-3, 1.0); };
  return {sourced(share(f.bandwidth), "1", m, f.bandwidth_error), sourced(share(f.compute), "1", m, f.compute_error),
          sourced(f.floor_s * calls, "us", m, f.floor_error)};
}

std::string with_dtype(const std::string& name, const std::string& dtype) {
  return dtype.empty() ? name : name + ":" + dtype;
}

/// The classes that one group of points stands for, with their calls per layer.
void put(Calibration& c, const OperatorPoint& like, const OperatorFit& fit, const EngineMeasurements& m) {
  const std::string plain = like.dtype.empty() ? "bf16" : like.dtype;
  if (like.group == "gemm") {
    for (const OpClass op : {OpClass::qkv_gemm, OpClass::o_gemm, OpClass::mlp_gemm}) {
      const auto calls = static_cast<double>(gemm_shapes(op, m.deployment.llm, 1).size());
      if (calls > 0)
        c.ops[with_dtype(kOpClassNames[static_cast<std::size_t>(op)], like.dtype)] = efficiency(fit, calls, m);
    }
    c.gemm[plain] = fit.gemm;
    return;
  }
  c.ops[like.figure()] = efficiency(fit, 1, m);
  if (like.group == "lm_head") c.gemm["lm_head"] = fit.gemm;
  if (like.group == "decode_attention") c.decode[plain] = fit.grid;
  if (like.group == "prefill_attention") c.prefill[plain] = fit.grid;
}

/// Seconds per step and per sequence that no operator accounts for, both >= 0, and the factor on operators.
void fit_gaps(Calibration& c, const std::vector<StepPoint>& steps, const EngineMeasurements& m) {
  if (steps.size() < 2) return;
  c.step_gap = c.sequence_gap = sourced(0, "us", m, 0);
  const StepModel bare = step_model_of(m, std::make_shared<Calibration>(c));
  std::vector<double> operators;
  double shortest = 1e9;
  for (const StepPoint& s : steps) {
    operators.push_back(predict_step(bare, s.sums));
    shortest = std::min(shortest, s.seconds);
  }
  const auto sequences = [](const StepSums& s) {
    return static_cast<double>(s.decode_sequences + s.prefill_sequences);
  };
  const Fit fit = least_squares({{std::log(1e-2 * shortest), 2}, {std::log(1e-4 * shortest), 2}, {0, 0.1}}, kStepNoise,
                                [&](const std::vector<double>& x, std::vector<double>& out) {
                                  out.clear();
                                  for (std::size_t i = 0; i < steps.size(); ++i)
                                    out.push_back(std::log((operators[i] * std::exp(x[2]) + std::exp(x[0]) +
                                                            std::exp(x[1]) * sequences(steps[i].sums)) /
                                                           steps[i].seconds));
                                });
  const Sourced factor = sourced(std::exp(fit.parameters[2]), "1", m, fit.sigma[2]);
  c.in_step = StepFactors{factor, factor, factor, factor, factor};
  c.step_gap = sourced(std::exp(fit.parameters[0]), "us", m, fit.sigma[0]);
  c.sequence_gap = sourced(std::exp(fit.parameters[1]), "us", m, fit.sigma[1]);
}

/// Share of TDP - idle that a step draws, by what bounds it: decode steps by memory, prompts by arithmetic.
void fit_power(Calibration& c, const EngineMeasurements& m) {
  if (m.idle_watts <= 0) return;
  const double room = m.deployment.chip.tdp.value - m.idle_watts;
  const auto share = [&](const char* kind) -> std::optional<Sourced> {
    std::vector<double> shares;
    for (const StepPoint& s : m.steps)
      if (s.kind == kind && s.joules > 0) shares.push_back((s.joules / s.seconds - m.idle_watts) / room);
    if (shares.empty()) return std::nullopt;
    const double middle = quantile(shares, 0.5);
    double spread = 0;
    for (const double x : shares) spread += std::fabs(x - middle) / static_cast<double>(shares.size());
    return Sourced{std::clamp(middle, 0.0, 1.0), "1", m.power_source + ", " + m.source, m.date,
                   middle > 0 ? spread / middle : 0};
  };
  c.dynamic_bandwidth = share("decode");
  c.dynamic_compute = share("prefill");
}

void judge_steps(Calibration& c, const std::vector<StepPoint>& unseen, const EngineMeasurements& m) {
  const StepModel model = step_model_of(m, std::make_shared<Calibration>(c));
  std::map<std::string, std::vector<Compared>> kinds;
  for (const StepPoint& s : unseen) {
    kinds[s.kind + " step"].push_back({predict_step(model, s.sums), s.seconds});
    kinds["any step"].push_back(kinds[s.kind + " step"].back());
  }
  for (const auto& [kind, points] : kinds)
    c.errors.push_back(
        error_of(points, kind, "every second step of the sweep, kept out of a fit of the gaps to the others"));
}

}  // namespace

StepModel step_model_of(const EngineMeasurements& m, const std::shared_ptr<const Calibration>& calibration) {
  BatcherSpec largest;
  largest.max_sequences = static_cast<std::int64_t>(std::max(m.range.most_sequences, 16.0)) + 1;
  largest.token_budget = static_cast<std::int64_t>(std::max(m.range.most_tokens, 64.0));
  return step_model_of(m, calibration, largest);
}

StepModel step_model_of(const EngineMeasurements& m, const std::shared_ptr<const Calibration>& calibration,
                        const BatcherSpec& batcher) {
  Deployment d = m.deployment;
  d.calibration = calibration;
  d.max_sequences = batcher.max_sequences;
  d.token_budget = batcher.token_budget;
  d.chip.memory.value = 1e15;  // what ran had room
  d.memory_share = 1;
  return StepModel(std::move(d));
}

double predict_step(const StepModel& model, const StepSums& sums) { return model.evaluate(sums).total(); }

Calibration fit_engine(const EngineMeasurements& m, const std::string& id) {
  Calibration c;
  c.id = id, c.engine = m.deployment.engine.id, c.chip = m.deployment.chip.id;
  c.version = m.version, c.as_of = m.date, c.grade = Grade::measured;
  c.sources = {m.source};
  c.range = m.range;
  if (m.deployment.chip.id == "this-machine") c.own_chip = m.deployment.chip;
  std::map<std::string, std::vector<OperatorPoint>> groups;
  for (const OperatorPoint& p : m.operators) groups[p.figure()].push_back(p);
  for (const auto& [name, points] : groups) {
    if (points.size() < 3) continue;
    const OperatorFit fit = fit_operator(points, {});
    put(c, points[0], fit, m);
    if (fit.full.n > 0) c.errors.push_back(fit.full);
  }
  if (c.ops.count("decode_attention") + c.ops.count("decode_attention:fp8") + c.ops.count("decode_attention:int8") ==
          0 &&
      !m.deployment.llm.mla)
    throw UserError(m.source + ": decode attention was not measured at three points; measure for longer");
  std::vector<StepPoint> seen, unseen;
  for (std::size_t i = 0; i < m.steps.size(); ++i) (i % 2 == 0 ? seen : unseen).push_back(m.steps[i]);
  Calibration half = c;
  fit_gaps(half, seen, m);
  if (!unseen.empty()) judge_steps(half, unseen, m);
  c.errors = std::move(half.errors);
  fit_gaps(c, m.steps, m);
  fit_power(c, m);
  return c;
}

}  // namespace tokenfab::calibration
