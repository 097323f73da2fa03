// Speculative decoding in a StepModel: what drafts and their verification cost.
#include <cmath>
#include <numeric>
#include <utility>

#include "hwmodels/step_model.h"

namespace tokenfab {
namespace {

constexpr double kAdaptiveContext = 1024;  // tokens a sequence, at which adaptive depths are compared

}  // namespace

void StepModel::build_drafter() {
  if (!d_.speculation || !d_.speculation->drafter) return;
  Deployment d = d_;
  d.llm = *d_.speculation->drafter;
  d.weights = d_.speculation->weights;
  if (d.weights == Dtype::bf16) d.activations = Dtype::bf16;
  d.speculation.reset();
  d.tensor_parallel = std::gcd(d_.tensor_parallel, std::gcd(d.llm.heads, d.llm.kv_heads));
  d.pipeline_parallel = 1;
  if (!d.llm.moe) d.expert_parallel = false;
  d.memory_share = 1;
  d.engine.step_gap.value = d.engine.sequence_gap.value = 0;  // drafts run inside the step
  if (d.calibration) {
    auto c = std::make_shared<Calibration>(*d.calibration);
    c->step_gap.reset();
    c->sequence_gap.reset();
    c->steps.clear();
    d.calibration = c;
  }
  drafter_ = std::make_shared<StepModel>(std::move(d));
}

std::int32_t StepModel::drafted_pace(std::int64_t sequences) const {
  const int depth = depth_[std::min(static_cast<std::size_t>(sequences), depth_.size() - 1)];
  return static_cast<std::int32_t>(std::lround(d_.kv_quanta() * d_.speculation->expected_tokens(depth)));
}

std::int64_t StepModel::drafted_tokens(std::int64_t sequences) const {
  const int depth = depth_[std::min(static_cast<std::size_t>(sequences), depth_.size() - 1)];
  if (depth == 0) return 1;
  return 1 + (depth == d_.speculation->depth ? d_.speculation->drafted : depth);
}

double StepModel::draft_passes(std::int64_t sequences) const {
  if (depth_.empty()) return 0;
  const int depth = depth_[std::min(static_cast<std::size_t>(sequences), depth_.size() - 1)];
  return d_.speculation->parallel ? std::min(depth, 1) : depth;
}

double StepModel::draft_slope(std::int64_t sequences) const {
  return drafter_ ? draft_passes(sequences) * drafter_->attention_lines(sequences).slope_bytes : 0;
}

/// The drafter reads prompts once, then runs its passes over all sequences, one token each.
void StepModel::add_drafts(const StepSums& s, StepSeconds& out) const {
  const auto add = [&](const StepSums& sums, double times) {
    StepSeconds draft = drafter_->evaluate(sums);
    // What of it depends on the caches is added by its slope; the rest of it does not.
    constexpr auto kDecode = static_cast<std::size_t>(OpClass::decode_attention);
    draft.floor[kDecode] += std::exchange(draft.work[kDecode], 0);
    for (std::size_t c = 0; c < kOpClasses; ++c) {
      out.work[c] += times * draft.work[c];
      out.floor[c] += times * draft.floor[c];
    }
  };
  if (s.prefill_tokens > 0) {
    StepSums prefill = s;
    prefill.decode_sequences = prefill.decode_kv_tokens = prefill.prefill_outputs = 0;
    add(prefill, 1);
  }
  const double passes = draft_passes(s.decode_sequences);
  if (passes == 0 || s.decode_sequences == 0) return;
  out.floor[static_cast<std::size_t>(OpClass::host)] +=
      d_.time_scale * (passes * d_.speculation->pass_gap +
                       d_.speculation->sequence_gap * static_cast<double>(s.decode_sequences) / ranks());
  StepSums decode;
  decode.decode_sequences = s.decode_sequences;
  add(decode, passes);
  out.work[static_cast<std::size_t>(OpClass::decode_attention)] += draft_slope(s.decode_sequences) * kv_tokens(s);
}

/// The depth with the most tokens a second at each number of sequences; all of them where not adaptive.
void StepModel::choose_depths() {
  if (!d_.speculation) return;
  const Speculation& spec = *d_.speculation;
  const auto rows = static_cast<std::size_t>(d_.max_sequences) + 1;
  depth_.assign(rows, spec.depth);
  if (!spec.adaptive) return;
  const bool chain = !spec.parallel && spec.drafted == spec.depth;
  for (std::size_t n = 1; n < rows; ++n) {
    StepSums sums;
    sums.decode_sequences = static_cast<std::int64_t>(n);
    sums.decode_kv_tokens = static_cast<std::int64_t>(kAdaptiveContext * static_cast<double>(n)) * d_.kv_quanta();
    sums.decode_window_tokens = sums.decode_kv_tokens;
    if (d_.llm.window)
      sums.decode_window_tokens = std::min<std::int64_t>(
          sums.decode_window_tokens, d_.llm.window->tokens * static_cast<std::int64_t>(n) * d_.kv_quanta());
    int best = 0;
    double most = 0;
    for (int depth = 0; depth <= spec.depth; depth += chain ? 1 : spec.depth) {
      depth_[n] = depth;
      const double rate = spec.expected_tokens(depth) / evaluate(sums).total();
      if (rate > most) most = rate, best = depth;
    }
    depth_[n] = best;
  }
}

}  // namespace tokenfab
