#include "hwmodels/trust.h"

#include <fmt/format.h>

#include <algorithm>

#include "hwmodels/dtype.h"

namespace tokenfab {
namespace {

bool of_whole_steps(const FitError& e) {
  return e.what.ends_with("step") || e.what.ends_with("TPOT") || e.what.ends_with("throughput") || e.what == "E2E";
}

double band_of(const FitError& e) { return e.p90 > 0 ? e.p90 : 2 * e.median; }

/// The kind with the widest band, whole steps before operators; null where nothing was judged.
const FitError* worst_error(const Calibration& c) {
  const FitError* worst = nullptr;
  for (const FitError& e : c.errors) {
    const bool better_kind = worst && of_whole_steps(e) && !of_whole_steps(*worst);
    const bool wider = worst && of_whole_steps(e) == of_whole_steps(*worst) && band_of(e) > band_of(*worst);
    if (!worst || better_kind || wider) worst = &e;
  }
  return worst;
}

void judge_calibration(const Calibration& c, const FitError& e, Trust& t) {
  t.typical = e.median;
  t.band = band_of(e);
  t.bias = e.bias;
  t.basis = fmt::format("{} predicted by {} against {} measured point{} that its fit did not see ({})", e.what, c.id,
                        e.n, e.n == 1 ? "" : "s", e.split);
  if (!of_whole_steps(e)) t.basis += "; operators alone: no whole step was compared";
}

void judge_engine(const Deployment& d, Trust& t) {
  if (!d.engine.known_error) {
    t.basis = fmt::format("not measured: no step time of {} on {} was compared with a measurement at this grade",
                          d.engine.id, d.chip.id);
    return;
  }
  t.typical = d.engine.known_error->value;
  t.band = 2 * t.typical;
  t.basis =
      fmt::format("of the profile of {}, not of {} itself: {}; band: twice that", d.engine.id,
                  d.calibration ? d.calibration->id : d.engine.id + " on " + d.chip.id, d.engine.known_error->source);
}

bool has_figures(const Deployment& d, const std::string& name) {
  return (d.calibration && d.calibration->ops.count(name)) || d.engine.by_dtype.count(name);
}

/// A dtype without figures of its own takes the shares of another one.
void flag_dtypes(const Deployment& d, std::vector<std::string>& out) {
  const auto missing = [&](OpClass c) { return !has_figures(d, figure_names(c, d).front()); };
  if ((d.weights != Dtype::bf16 || d.activations != Dtype::bf16) &&
      (missing(OpClass::qkv_gemm) || missing(OpClass::o_gemm) || missing(OpClass::mlp_gemm) ||
       (d.llm.moe && missing(OpClass::expert_gemm))))
    out.push_back(
        fmt::format("{} weights with {} products: no figures of their own for every matrix operator; "
                    "another type's shares of peak and bandwidth",
                    name_of(d.weights), name_of(d.activations)));
  if (d.kv != Dtype::bf16 && (missing(OpClass::prefill_attention) || missing(OpClass::decode_attention)))
    out.push_back(fmt::format("{} KV cache: no figures of its own for attention; another type's shares of bandwidth",
                              name_of(d.kv)));
}

std::string degrees(const std::vector<int>& list) {
  std::string out;
  for (const int t : list) out += (out.empty() ? "" : ", ") + std::to_string(t);
  return out;
}

void flag_parallelism(const Deployment& d, const Calibration& c, std::vector<std::string>& out) {
  const std::vector<int> measured = c.range.tensor_parallel.empty() ? std::vector{1} : c.range.tensor_parallel;
  if (std::find(measured.begin(), measured.end(), d.tensor_parallel) == measured.end())
    out.push_back(fmt::format("tensor parallel {}; calibrated at {}", d.tensor_parallel, degrees(measured)));
  if (d.pipeline_parallel > 1)
    out.push_back(fmt::format("pipeline parallel {}; calibrated without pipelines", d.pipeline_parallel));
  if (d.expert_parallel) out.push_back("expert parallelism; calibrated without it");
}

}  // namespace

Trust trust_of(const Deployment& d) {
  Trust t;
  t.grade = d.grade();
  if (d.calibration) t.calibration = d.calibration->id;
  const FitError* worst = d.calibration ? worst_error(*d.calibration) : nullptr;
  if (worst) judge_calibration(*d.calibration, *worst, t);
  else judge_engine(d, t);

  const bool stands_in = d.calibration && d.calibration->chip == "class";
  if (!d.calibration || stands_in)
    t.extrapolations.push_back(fmt::format("class defaults of {} on {}", d.engine.id, d.chip.id));
  if (d.calibration) flag_parallelism(d, *d.calibration, t.extrapolations);
  flag_dtypes(d, t.extrapolations);
  return t;
}

double Deployment::known_error() const { return trust_of(*this).typical; }

void Reach::add(const Reach& other) {
  sequences = std::max(sequences, other.sequences);
  context = std::max(context, other.context);
  tokens = std::max(tokens, other.tokens);
}

std::vector<std::string> beyond_range(const Deployment& d, const Reach& reach) {
  std::vector<std::string> out;
  if (!d.calibration) return out;
  const CalibratedRange& r = d.calibration->range;
  const auto flag = [&](std::int64_t met, double most, const char* what, const char* unit) {
    if (most > 0 && static_cast<double>(met) > most)
      out.push_back(fmt::format("{} of up to {} {}; calibrated to {:.0f}", what, met, unit, most));
  };
  flag(reach.sequences, r.most_sequences, "decode batches", "sequences");
  flag(reach.context, r.most_context, "mean contexts of a decode step", "tokens");
  flag(reach.tokens, r.most_tokens, "steps", "tokens");
  if (r.most_sequences <= 0 && r.most_context <= 0 && r.most_tokens <= 0)
    out.push_back(d.calibration->id + " does not say which shapes were measured");
  return out;
}

}  // namespace tokenfab
