// What a calibration changes in a StepModel: efficiencies by class and dtype, residuals, gaps.
#include <algorithm>
#include <cmath>

#include "hwmodels/dtype.h"
#include "hwmodels/step_model.h"

namespace tokenfab {
namespace {

std::size_t at(OpClass c) { return static_cast<std::size_t>(c); }

bool is_matrix(OpClass c) { return c <= OpClass::expert_gemm; }
bool is_attention(OpClass c) { return c == OpClass::prefill_attention || c == OpClass::decode_attention; }

/// The residuals of the first of `names` that has any; `plain` stands for the class without a dtype.
template <class T>
const T* residual_of(const std::map<std::string, T>& all, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto colon = name.find(':');
    const auto found = all.find(colon == std::string::npos ? "bf16" : name.substr(colon + 1));
    if (found != all.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> figure_names(OpClass c, const Deployment& d) {
  const std::string name = kOpClassNames[at(c)];
  std::vector<std::string> names;
  if (is_matrix(c)) {
    if (d.weights != d.activations) names.push_back(name + ":w-" + name_of(d.weights));
    if (d.weights == Dtype::int3 || d.weights == Dtype::int2) names.push_back(name + ":w-int4");  // the nearest kernels
    names.push_back(name + ":" + name_of(d.activations));
  } else if (is_attention(c)) {
    names.push_back(name + ":" + name_of(d.kv));
  }
  names.push_back(name);
  return names;
}

const OpEfficiency& StepModel::figure(OpClass c) const {
  const std::vector<std::string> names = figure_names(c, d_);
  if (d_.calibration)
    for (const std::string& name : names)
      if (const auto e = d_.calibration->ops.find(name); e != d_.calibration->ops.end()) return e->second;
  for (const std::string& name : names)
    if (const auto e = d_.engine.by_dtype.find(name); e != d_.engine.by_dtype.end()) return e->second;
  return d_.engine.ops[at(c)];
}

void StepModel::apply_calibration() {
  EngineProfile& e = d_.engine;
  if (d_.calibration) {
    const Calibration& c = *d_.calibration;
    const auto replace = [](Sourced& value, const std::optional<Sourced>& by) {
      if (by) value = *by;
    };
    replace(e.step_gap, c.step_gap);
    replace(e.sequence_gap, c.sequence_gap);
    replace(e.dynamic_compute, c.dynamic_compute);
    replace(e.dynamic_bandwidth, c.dynamic_bandwidth);
    replace(e.dynamic_network, c.dynamic_network);
    replace(e.dynamic_host, c.dynamic_host);
  }
  if (d_.calibration) {
    const auto find = [&](const char* name) {
      const auto found = d_.calibration->steps.find(name);
      return found == d_.calibration->steps.end() ? nullptr : &found->second;
    };
    step_residual_ = {find("decode"), find("prefill")};
  }
  const StepFactors factors = d_.calibration && d_.calibration->in_step ? *d_.calibration->in_step : StepFactors{};
  for (int i = 0; i < kOpClasses; ++i) {
    const auto c = static_cast<OpClass>(i);
    OpEfficiency& f = figures_[at(c)] = figure(c);
    const bool network = c == OpClass::all_reduce || c == OpClass::all_to_all || c == OpClass::send;
    f.floor.value *= factors.floor.value;
    f.bandwidth.value /= is_attention(c) ? factors.attention.value
                         : network       ? factors.network.value
                                         : factors.bandwidth.value;
    f.compute.value /= is_attention(c) ? factors.attention.value : factors.compute.value;
  }
}

/// Whether expert-parallel chips gather, activate and sum the rows of all experts.
bool StepModel::copies_all_rows() const {
  if (!d_.calibration) return false;
  for (const std::string& name : figure_names(OpClass::expert_gemm, d_))
    if (const auto found = d_.calibration->ops.find(name); found != d_.calibration->ops.end())
      return d_.calibration->copies_all_rows.contains(name);
  return false;
}

/// Time of a class's products with their residuals, over their time without.
void StepModel::build_factors(const Shape&) {
  if (!d_.calibration) return;
  const std::int64_t most = d_.token_budget + d_.max_sequences;
  const auto fill = [&](OpClass c, auto&& log_ratio) {
    for (std::int64_t rows = 0; rows <= most; ++rows)
      factor_[at(c)].push_back(
          static_cast<float>(std::exp(log_ratio(static_cast<double>(std::max<std::int64_t>(rows, 1))))));
  };
  const GridResidual* experts = residual_of(d_.calibration->experts, figure_names(OpClass::expert_gemm, d_));
  if (d_.llm.moe && experts) {
    const MoeShape& m = *d_.llm.moe;
    const double rows_each = static_cast<double>(m.top_k) / m.experts;
    const double weights = 3.0 * d_.llm.hidden * m.expert_ffn / (d_.expert_parallel ? 1 : expert_chips());
    fill(OpClass::expert_gemm, [&](double x) { return experts->at(x * rows_each, weights); });
  }
  if (d_.calibration->all_reduce && d_.tensor_parallel > 1)
    fill(OpClass::all_reduce,
         [&](double x) { return d_.calibration->all_reduce->at(d_.tensor_parallel, x * d_.llm.hidden * 2); });
  if (d_.calibration->gemm.empty()) return;
  for (const OpClass c : {OpClass::qkv_gemm, OpClass::o_gemm, OpClass::mlp_gemm, OpClass::lm_head}) {
    const std::vector<GemmShape> shapes = gemm_shapes(c, d_.llm, d_.tensor_parallel);
    const bool head = c == OpClass::lm_head;
    const GemmResidual* residual =
        residual_of(d_.calibration->gemm, head ? std::vector<std::string>{":lm_head"} : figure_names(c, d_));
    if (shapes.empty() || !residual) continue;
    const OpEfficiency& e = efficiency(c);
    const double bandwidth = d_.chip.bandwidth.value * e.bandwidth.value;
    const double peak = (head ? d_.chip.peak.at("bf16").value : matrix_peak_) * e.compute.value;
    std::vector<float>& factor = factor_[at(c)];
    for (std::int64_t rows = 0; rows <= most; ++rows) {
      const double x = static_cast<double>(std::max<std::int64_t>(rows, 1));
      double with = 0, without = 0;
      for (const GemmShape& s : shapes) {
        const OpWork w = gemm_work(s, x, head ? Dtype::bf16 : d_.weights);
        const double t =
            e.floor.value / static_cast<double>(shapes.size()) + std::max(w.bytes / bandwidth, w.flop / peak);
        without += t;
        with += t * std::exp(residual->at(s.n, s.k, x));
      }
      factor.push_back(static_cast<float>(with / without));
    }
  }
}

void StepModel::apply_factor(StepSeconds& out, OpClass c, double tokens) const {
  const std::vector<float>& f = factor_[at(c)];
  const auto i = std::min(static_cast<std::size_t>(tokens + 0.5), f.size() - 1);
  out.work[at(c)] *= static_cast<double>(f[i]);
  out.floor[at(c)] *= static_cast<double>(f[i]);
}

/// Decode attention of n sequences at the calibrated contexts: never falling, and at no context only what a step costs
/// at the shortest one that was measured, less its KV.
void StepModel::build_attention_curves(const Shape& shape) {
  if (!d_.calibration) return;
  prefill_residual_ = residual_of(d_.calibration->prefill, figure_names(OpClass::prefill_attention, d_));
  const GridResidual* residual = residual_of(d_.calibration->decode, figure_names(OpClass::decode_attention, d_));
  if (!residual) return;
  curve_contexts_ = {0};  // whole tokens, so that a curve and its line have the same knots
  for (const double y : residual->y)
    if (const double context = std::max(1.0, std::round(y)); context > curve_contexts_.back())
      curve_contexts_.push_back(context);
  const double kv_heads = d_.llm.mla ? 1 : shape.kv_heads;  // all heads share one latent
  curves_.emplace_back();
  for (std::int64_t n = 1; n <= d_.max_sequences; ++n) {
    const double streams = static_cast<double>(n) / (decode_concurrency(n) * ranks()) * kv_heads;
    const Lines l = attention_lines(n);
    std::vector<double>& curve = curves_.emplace_back();
    for (const double context : curve_contexts_) {
      const double kv = context * static_cast<double>(n);
      const double closed = rounds() * decode_floor_ + std::max(l.offset_bytes + l.slope_bytes * kv, l.slope_flop * kv);
      const double t = closed * std::exp(residual->at(streams, std::max(context, 1.0)));
      curve.push_back(curve.empty() ? t : std::max(t, curve.back()));
    }
  }
}

double StepModel::curve_base(std::int64_t sequences) const {
  return curves_[static_cast<std::size_t>(std::min(sequences, d_.max_sequences))][0];
}

/// Seconds above the base: straight between the contexts, as the last piece beyond.
double StepModel::curve_work(std::int64_t sequences, double kv) const {
  const auto n = static_cast<double>(sequences);
  const std::vector<double>& curve = curves_[static_cast<std::size_t>(std::min(sequences, d_.max_sequences))];
  const double context = kv / n;
  const auto above = std::upper_bound(curve_contexts_.begin(), curve_contexts_.end(), context);
  const auto high =
      std::clamp<std::size_t>(static_cast<std::size_t>(above - curve_contexts_.begin()), 1, curve_contexts_.size() - 1);
  const double t = (context - curve_contexts_[high - 1]) / (curve_contexts_[high] - curve_contexts_[high - 1]);
  return curve[high - 1] + t * (curve[high] - curve[high - 1]) - curve[0];
}

KvLine StepModel::curve_line(std::int64_t n, Ticks base, const Lines& lines, double factor) const {
  std::vector<KvLine::Point> points;
  for (const double context : curve_contexts_) {
    const double kv = context * static_cast<double>(n);
    points.push_back({static_cast<std::int64_t>(kv * units_per_token()),
                      ticks_from_seconds(factor * curve_work(n, kv) + lines.slope_draft * kv)});
  }
  const double gain = lines.slope_flop - lines.slope_bytes;
  const double knot = gain > 0 ? lines.offset_bytes / gain : 1e18;  // where arithmetic takes longer than reading
  return {base, points, static_cast<std::int64_t>(std::min(knot * units_per_token(), 1e18))};
}

/// Of all that a step does, where whole steps were measured.
double StepModel::whole_step_factor(const StepSums& s, const GridResidual& residual) const {
  const auto x =
      static_cast<double>(std::max<std::int64_t>(1, s.prefill_tokens > 0 ? s.prefill_tokens : s.decode_sequences));
  return std::exp(residual.at(x, d_.tensor_parallel));
}

double StepModel::prefill_factor(const StepSums& s) const {
  const auto chunks = static_cast<double>(std::max<std::int64_t>(s.prefill_sequences, 1));
  const double heads = static_cast<double>(d_.llm.heads) / d_.tensor_parallel;
  return std::exp(prefill_residual_->at(static_cast<double>(s.prefill_tokens) * heads / ranks(),
                                        static_cast<double>(s.prefill_kv_tokens) / chunks));
}

}  // namespace tokenfab
