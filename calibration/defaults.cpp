#include "calibration/defaults.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "calibration/errors.h"
#include "hwmodels/collectives.h"

namespace tokenfab::calibration {
namespace {

using CalibrationPtr = std::shared_ptr<const Calibration>;

/// Medians in the logarithm: an even count takes the geometric mean of the middle two.
double median_log(const std::vector<double>& values) {
  std::vector<double> logs;
  for (const double v : values) logs.push_back(std::log(std::max(v, 1e-12)));
  return std::exp(quantile(logs, 0.5));
}

Sourced median_of(const std::vector<Sourced>& all, const std::string& source) {
  std::vector<double> values;
  for (const Sourced& s : all) values.push_back(s.value);
  Sourced out = all.front();
  out.value = median_log(values);
  out.source = source;
  out.error = 0;
  return out;
}

GemmResidual mean_of(const std::vector<const GemmResidual*>& all) {
  GemmResidual out = *all.front();
  for (GemmResidual::Shape& s : out.shapes)
    for (std::size_t i = 0; i < out.rows.size(); ++i) {
      double sum = 0;
      for (const GemmResidual* one : all) sum += one->at(s.n, s.k, out.rows[i]);
      s.log_ratio[i] = sum / static_cast<double>(all.size());
    }
  return out;
}

GridResidual mean_of(const std::vector<const GridResidual*>& all) {
  GridResidual out = *all.front();
  for (std::size_t i = 0; i < out.x.size(); ++i)
    for (std::size_t j = 0; j < out.y.size(); ++j) {
      double sum = 0;
      for (const GridResidual* one : all) sum += one->at(out.x[i], out.y[j]);
      out.log_ratio[i * out.y.size() + j] = sum / static_cast<double>(all.size());
    }
  return out;
}

/// One residual per dtype: the mean of those that have it.
template <class T>
void mean_residuals(const std::vector<CalibrationPtr>& of, std::map<std::string, T> Calibration::*member,
                    Calibration& out) {
  std::map<std::string, std::vector<const T*>> by_dtype;
  for (const CalibrationPtr& one : of)
    for (const auto& [dtype, residual] : (*one).*member) by_dtype[dtype].push_back(&residual);
  for (const auto& [dtype, all] : by_dtype) (out.*member)[dtype] = mean_of(all);
}

}  // namespace

CalibrationPtr class_figures(const std::vector<CalibrationPtr>& of, const std::string& engine) {
  if (of.empty()) return nullptr;
  Calibration c;
  c.id = engine + "--class", c.engine = engine, c.chip = "class", c.grade = Grade::datasheet;
  std::string source = "median of calibrations:";
  for (const CalibrationPtr& one : of) {
    source += " " + one->id;
    c.as_of = std::max(c.as_of, one->as_of);
    c.version += (c.version.empty() ? "" : "; ") + one->version;
    for (const std::string& s : one->sources)
      if (std::find(c.sources.begin(), c.sources.end(), s) == c.sources.end()) c.sources.push_back(s);
  }
  std::map<std::string, std::array<std::vector<Sourced>, 3>> ops;
  std::map<std::string, std::vector<Sourced>> rest;
  for (const CalibrationPtr& one : of) {
    for (const auto& [name, e] : one->ops)
      ops[name][0].push_back(e.bandwidth), ops[name][1].push_back(e.compute), ops[name][2].push_back(e.floor);
    if (one->in_step) {
      rest["floor"].push_back(one->in_step->floor), rest["bandwidth"].push_back(one->in_step->bandwidth);
      rest["compute"].push_back(one->in_step->compute);
      rest["attention"].push_back(one->in_step->attention), rest["network"].push_back(one->in_step->network);
    }
    if (one->step_gap) rest["step_gap"].push_back(*one->step_gap);
    if (one->request_gap) rest["request_gap"].push_back(*one->request_gap);
    if (one->sequence_gap) rest["sequence_gap"].push_back(*one->sequence_gap);
  }
  for (const auto& [name, q] : ops)
    if (std::all_of(of.begin(), of.end(), [&, &n = name](const CalibrationPtr& one) {
          return !one->ops.contains(n) || one->copies_all_rows.contains(n);
        }))
      c.copies_all_rows.insert(name);
  for (const auto& [name, q] : ops)
    c.ops[name] = {median_of(q[0], source), median_of(q[1], source), median_of(q[2], source)};
  if (!rest["floor"].empty())
    c.in_step = StepFactors{median_of(rest["floor"], source), median_of(rest["bandwidth"], source),
                            median_of(rest["compute"], source), median_of(rest["attention"], source),
                            median_of(rest["network"], source)};
  if (!rest["step_gap"].empty()) c.step_gap = median_of(rest["step_gap"], source);
  if (!rest["request_gap"].empty()) c.request_gap = median_of(rest["request_gap"], source);
  if (!rest["sequence_gap"].empty()) c.sequence_gap = median_of(rest["sequence_gap"], source);
  for (const CalibrationPtr& one : of) {
    c.range.most_tokens = std::max(c.range.most_tokens, one->range.most_tokens);
    c.range.most_sequences = std::max(c.range.most_sequences, one->range.most_sequences);
    c.range.most_context = std::max(c.range.most_context, one->range.most_context);
    for (const int t : one->range.tensor_parallel)
      if (std::find(c.range.tensor_parallel.begin(), c.range.tensor_parallel.end(), t) == c.range.tensor_parallel.end())
        c.range.tensor_parallel.push_back(t);
  }
  std::sort(c.range.tensor_parallel.begin(), c.range.tensor_parallel.end());
  mean_residuals(of, &Calibration::gemm, c);
  mean_residuals(of, &Calibration::decode, c);
  mean_residuals(of, &Calibration::prefill, c);
  mean_residuals(of, &Calibration::experts, c);
  std::vector<const GridResidual*> reduces;
  for (const CalibrationPtr& one : of)
    if (one->all_reduce) reduces.push_back(&*one->all_reduce);
  if (!reduces.empty()) c.all_reduce = mean_of(reduces);
  return std::make_shared<Calibration>(c);
}

CalibrationPtr best_calibration(const SuiteGroup& g, const Catalog& catalog) {
  if (CalibrationPtr c = catalog.find_calibration(g.engine, g.chip)) return c;
  auto none = std::make_shared<Calibration>();
  none->engine = g.engine, none->chip = "class", none->id = g.engine + "--class", none->grade = Grade::datasheet;
  return none;
}

std::vector<CalibrationPtr> chip_calibrations(const Catalog& catalog) {
  std::vector<CalibrationPtr> out;
  for (const std::string& id : catalog.ids("calibrations"))
    if (CalibrationPtr c = catalog.calibration(id); c->chip != "class" && !c->own_chip) out.push_back(std::move(c));
  return out;
}

CalibrationPtr without_chip(const std::string& engine, const std::string& chip,
                            const std::vector<CalibrationPtr>& all) {
  std::vector<CalibrationPtr> same_engine, others;
  for (const CalibrationPtr& c : all) {
    if (c->chip == chip) continue;
    others.push_back(c);
    if (c->engine == engine) same_engine.push_back(c);
  }
  return class_figures(same_engine.empty() ? others : same_engine, engine);
}

double predict_operator(const Calibration& c, const OperatorPoint& p, const Chip& chip) {
  const std::string name = p.group == "gemm" ? "mlp_gemm" : p.group;
  auto e = c.ops.find(p.dtype.empty() ? name : name + ":" + p.dtype);
  if (e == c.ops.end()) e = c.ops.find(name);
  if (e == c.ops.end()) return NAN;
  const double calls = p.group == "gemm" ? 2 : 1;  // an MLP is two products
  const double flop = p.peak > 0 ? p.work.flop / (p.peak * e->second.compute.value) : 0;
  double t = e->second.floor.value / calls + std::max(p.work.bytes / (p.bandwidth * e->second.bandwidth.value), flop) +
             p.work.copied / p.bandwidth;
  const std::string plain = p.dtype.empty() ? "bf16" : p.dtype;
  if (p.group == "all_reduce") {
    t += 2 * chip.link_latency.value;
    if (c.all_reduce) t *= std::exp(c.all_reduce->at(p.a, p.b));
  } else if (p.group == "expert_gemm" && c.experts.count(plain)) {
    t *= std::exp(c.experts.at(plain).at(p.a, p.b));
  }
  if (p.group == "gemm" && c.gemm.count(plain)) t *= std::exp(c.gemm.at(plain).at(p.b, p.c, p.a));
  else if (p.group == "decode_attention" && c.decode.count(plain)) t *= std::exp(c.decode.at(plain).at(p.a, p.b));
  else if (p.group == "prefill_attention" && c.prefill.count(plain)) t *= std::exp(c.prefill.at(plain).at(p.a, p.b));
  return t;
}

}  // namespace tokenfab::calibration
