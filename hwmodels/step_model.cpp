#include "hwmodels/step_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tokenfab {
namespace {

constexpr double kActivationBytes = 2;  // bf16 activations travel between kernels at every weight dtype

std::size_t at(OpClass c) { return static_cast<std::size_t>(c); }

bool is_network(OpClass c) { return c == OpClass::all_reduce || c == OpClass::all_to_all || c == OpClass::send; }

}  // namespace

double StepSeconds::total() const {
  double t = 0;
  for (int c = 0; c < kOpClasses; ++c) t += work[static_cast<std::size_t>(c)] + floor[static_cast<std::size_t>(c)];
  return t;
}

void StepSums::add_chunk(std::int64_t before, std::int64_t tokens, bool ends_prompt, std::int64_t window) {
  const std::int64_t after = before + tokens;
  prefill_sequences += 1;
  prefill_tokens += tokens;
  prefill_attention += tokens * before + tokens * (tokens + 1) / 2;
  prefill_kv_tokens += after;
  if (ends_prompt) prefill_outputs += 1;
  if (window == 0) return;
  const std::int64_t rising = std::clamp<std::int64_t>(window - before, 0, tokens);  // tokens that see all before them
  prefill_window_attention += rising * before + rising * (rising + 1) / 2 + (tokens - rising) * window;
  prefill_window_tokens += std::min(after, window + tokens);
}

StepModel::StepModel(Deployment deployment)
    : d_(std::move(deployment)), is_sram_(d_.chip.family == "sram-pipeline"), count_(count_parameters(d_.llm)) {
  if (d_.llm.window) {
    const int full = d_.llm.layers - d_.llm.window->layers, common = std::gcd(full, d_.llm.window->layers);
    full_units_ = full / common;
    window_units_ = d_.llm.window->layers / common;
  }
  apply_calibration();
  check_plan();
  build_drafter();
  plan_memory();
  const Shape shape(d_.llm, count_, d_.tensor_parallel);
  build_matrix_ops(shape);
  build_token_ops(shape);
  build_network_ops(shape);
  build_attention(shape);
  build_work(shape);
  scale_time();
  list_classes();
  build_factors(shape);
  choose_depths();
  build_attention_curves(shape);
  build_decode_table();
}

/// `params` weights per chip over `calls` layers; `io_elements` activations in and out per token and layer.
StepModel::TokenOp StepModel::gemm(OpClass c, double params, double calls, double io_elements,
                                   double weight_bytes_each) const {
  const OpEfficiency& e = efficiency(c);
  const double bytes_per_s = d_.chip.bandwidth.value * e.bandwidth.value;
  // What lies in a backing memory is read at that memory's pace.
  const double backing = memory_.backing_bytes / memory_.weight_bytes;
  const double slower = backing > 0 ? 1 - backing + backing * bytes_per_s / d_.chip.backing->bandwidth.value : 1;
  const double columns = padded_columns(c);
  return {slower * columns * params * weight_bytes_each / bytes_per_s,
          io_elements * calls * kActivationBytes / bytes_per_s, 2 * columns * params / (matrix_peak_ * e.compute.value),
          e.floor.value * calls};
}

/// Weights of a class's products in whole tiles of a systolic array, over those without padding.
double StepModel::padded_columns(OpClass c) const {
  if (d_.chip.matrix_tile <= 1) return 1;
  double with = 0, without = 0;
  for (const GemmShape& g : gemm_shapes(c, d_.llm, d_.tensor_parallel)) {
    with += padded(g.n) * padded(g.k);
    without += g.n * g.k;
  }
  return without > 0 ? with / without : 1;
}

StepModel::Shape::Shape(const Llm& m, const ParameterCount& count, double tp)
    : layers(m.layers),
      moe_layers(m.moe ? m.layers - m.moe->first_dense_layers : 0),
      dense_layers(layers - moe_layers),
      q_heads(m.heads / tp),
      kv_heads(std::max(1.0, m.kv_heads / tp)),
      head_dim(m.mla ? m.mla->qk_nope_head_dim + m.mla->qk_rope_head_dim : m.head_dim),
      mlp_params(count.dense_mlp_per_layer * dense_layers +
                 (count.shared_per_moe_layer + count.router_per_moe_layer) * moe_layers),
      ffn_active(dense_layers * m.ffn + (m.moe ? moe_layers * m.moe->top_k * m.moe->expert_ffn : 0.0)) {}

void StepModel::build_matrix_ops(const Shape& s) {
  const Llm& m = d_.llm;
  const double tp = d_.tensor_parallel, each = dtype_bytes(d_.weights);
  // Latent attention: one product down for queries and latents, then queries, keys and values up (or absorbed).
  const double qkv_calls = !m.mla ? 1 : m.mla->q_lora_rank > 0 ? 4 : 3;
  ops_[at(OpClass::qkv_gemm)] = gemm(OpClass::qkv_gemm, count_.qkv_per_layer * s.layers / tp, s.layers,
                                     m.hidden + (s.q_heads + 2 * s.kv_heads) * s.head_dim, each);
  ops_[at(OpClass::qkv_gemm)].floor *= qkv_calls;
  ops_[at(OpClass::o_gemm)] =
      gemm(OpClass::o_gemm, count_.o_per_layer * s.layers / tp, s.layers, s.q_heads * s.head_dim + m.hidden, each);
  const double mlp_calls =
      s.dense_layers + (count_.shared_per_moe_layer > 0 ? 1.5 : 0.5) * s.moe_layers;  // router: half
  if (s.mlp_params > 0) {
    ops_[at(OpClass::mlp_gemm)] = gemm(OpClass::mlp_gemm, s.mlp_params / tp, s.layers,
                                       2.0 * m.hidden + (s.dense_layers > 0 ? 3.0 * m.ffn / tp : 0.0), each);
    ops_[at(OpClass::mlp_gemm)].floor *= mlp_calls / s.layers;
  }
  if (m.moe) build_experts(s);
}

void StepModel::build_token_ops(const Shape& s) {
  const Llm& m = d_.llm;
  const double tp = d_.tensor_parallel, pp = d_.pipeline_parallel;
  const OpEfficiency& norm = efficiency(OpClass::norm_activation);
  ops_[at(OpClass::norm_activation)] = {0,
                                        (elementwise_elements(m, 0, tp) * s.layers + 3.0 * s.ffn_active / tp) *
                                            kActivationBytes / (d_.chip.bandwidth.value * norm.bandwidth.value),
                                        0, norm.floor.value * s.layers};

  // The LM head stays in bf16 (as published quantized checkpoints keep it) and is read once per micro-batch, by the
  // last stage, whose time is every stage's; an SRAM pipeline spreads it over chips of its own, in the weights' dtype.
  // Sampling reads 4-byte logits twice.
  const double head_params = lm_head_params() / tp, stages = is_sram() ? 1 : pp;
  const OpEfficiency& head = efficiency(OpClass::lm_head);
  const double head_bw = d_.chip.bandwidth.value * head.bandwidth.value;
  ops_[at(OpClass::lm_head)] = {
      head_params * table_bytes() * stages / head_bw, (m.hidden * 2.0 + m.vocab * 8.0 / tp) * stages / head_bw,
      2 * head_params * stages / (d_.chip.peak.at("bf16").value * head.compute.value), head.floor.value};
  ops_[at(OpClass::host)] = {0, 0, 0, d_.engine.step_gap.value};
  sequence_gap_ = d_.engine.sequence_gap.value;
}

void StepModel::build_attention(const Shape& s) {
  const Llm& m = d_.llm;
  // Per KV token or token pair, all layers on one chip's share of the heads.
  const OpEfficiency& dec = efficiency(OpClass::decode_attention);
  const OpEfficiency& pre = efficiency(OpClass::prefill_attention);
  const double bf16 = d_.chip.peak.at("bf16").value, bw = d_.chip.bandwidth.value;
  const double kv_token_bytes = memory_.kv_bytes_per_token * d_.pipeline_parallel;  // all layers
  const double pair_prefill = m.mla ? 2.0 * s.q_heads * (s.head_dim + m.mla->v_head_dim) : 4.0 * s.q_heads * s.head_dim;
  const double pair_decode =
      m.mla ? 2.0 * s.q_heads * (2.0 * m.mla->kv_lora_rank + m.mla->qk_rope_head_dim) : pair_prefill;
  const double qo = 2 * s.q_heads * s.head_dim * kActivationBytes * s.layers;
  kv_read_ = kv_token_bytes / (bw * dec.bandwidth.value);
  qo_io_ = qo / (bw * dec.bandwidth.value);
  pair_flop_decode_ = pair_decode * s.layers / (bf16 * dec.compute.value);
  decode_floor_ = dec.floor.value * s.layers;
  prefill_kv_read_ = kv_token_bytes / (bw * pre.bandwidth.value);
  prefill_qo_io_ = qo / (bw * pre.bandwidth.value);
  pair_flop_prefill_ = pair_prefill * s.layers / (bf16 * pre.compute.value);
  prefill_floor_ = pre.floor.value * s.layers;
  if (m.encoder) {  // bound by arithmetic: images have hundreds of patches
    const Encoder& e = *m.encoder;
    flop_encoder_ = 2 * e.parameters.value * e.patches_per_image.value / e.tokens_per_image.value;
    encoder_ = flop_encoder_ / (bf16 * efficiency(OpClass::mlp_gemm).compute.value * d_.tensor_parallel * ranks());
  }
  flop_pair_ = pair_prefill * d_.tensor_parallel * s.layers;
  flop_kv_ = pair_decode * d_.tensor_parallel * s.layers;
  bytes_kv_ = kv_token_bytes * d_.tensor_parallel;
}

void StepModel::build_work(const Shape& s) {
  const Llm& m = d_.llm;
  const double each = dtype_bytes(d_.weights), tp = d_.tensor_parallel;
  const double active_experts = m.moe ? m.moe->top_k * count_.expert * s.moe_layers : 0;
  const double dense_params = (count_.qkv_per_layer + count_.o_per_layer) * s.layers + s.mlp_params;
  flop_token_ = 2 * (dense_params + active_experts);
  flop_row_ = 2 * lm_head_params();
  bytes_step_ = dense_params * each;
  bytes_experts_ = m.moe ? count_.expert * m.moe->experts * s.moe_layers * each : 0;
  bytes_token_ =
      elementwise_elements(m, 0, tp) * s.layers * kActivationBytes * tp + 3.0 * s.ffn_active * kActivationBytes;
}

/// Residuals are ratios, and what is built after this follows from these seconds.
void StepModel::scale_time() {
  for (TokenOp& op : ops_)
    for (double* seconds : {&op.weight, &op.act, &op.flop, &op.floor, &op.copy}) *seconds *= d_.time_scale;
  for (double* seconds : {&kv_read_, &qo_io_, &pair_flop_prefill_, &pair_flop_decode_, &prefill_kv_read_,
                          &prefill_qo_io_, &prefill_floor_, &decode_floor_, &sequence_gap_, &encoder_})
    *seconds *= d_.time_scale;
}

/// All tokens that a sequence verifies share one reading of its cache.
StepModel::Lines StepModel::make_lines(std::int64_t sequences) const {
  const double split = decode_concurrency(sequences) * ranks(), each = static_cast<double>(step_tokens(sequences));
  return {qo_io_ * static_cast<double>(sequences) * each / split, kv_read_ / split, pair_flop_decode_ * each / split,
          draft_slope(sequences)};
}

/// Most deployments have no experts, and one chip no network: a step should not pay for classes that it lacks.
void StepModel::list_classes() {
  for (int i = 0; i < kOpClasses; ++i) {
    const auto c = static_cast<OpClass>(i);
    const TokenOp& op = ops_[at(c)];
    const bool expert = c == OpClass::expert_gemm || c == OpClass::all_to_all;
    const bool own = c == OpClass::prefill_attention || c == OpClass::decode_attention || c == OpClass::lm_head ||
                     c == OpClass::host;  // always there, each with a rule of its own
    const bool takes_time = op.weight + op.act + op.flop + op.floor + op.copy > 0;
    idle_.bound[at(c)] = is_network(c) ? Bound::network : c == OpClass::host ? Bound::host : Bound::bandwidth;
    if (takes_time && !own && !expert) token_ops_.push_back(c);
    if (takes_time || own || drafter_ || (d_.llm.encoder && c == OpClass::mlp_gemm)) classes_.push_back(c);
  }
}

/// `rows`: of the products, padding included.
void StepModel::put(StepSeconds& out, OpClass c, const TokenOp& op, double x, double rows, double weight_scale) {
  const double bytes = op.weight * weight_scale + op.act * x, flop = op.flop * rows;
  out.work[at(c)] = std::max(bytes, flop) + op.copy * x;
  out.bound[at(c)] = is_network(c) ? Bound::network : flop > bytes ? Bound::compute : Bound::bandwidth;
  out.floor[at(c)] = op.floor;
}

/// A systolic array works on whole tiles of rows.
double StepModel::padded(double rows) const {
  const double tile = d_.chip.matrix_tile;
  return tile > 1 ? std::ceil(rows / tile) * tile : rows;
}

/// Tokens whose work the experts do where each one's rows are padded.
double StepModel::padded_expert_tokens(double tokens) const {
  if (d_.chip.matrix_tile <= 1 || !experts_ || tokens <= 0) return tokens;
  const double touched = expert_coverage(tokens) * d_.llm.moe->experts, k = d_.llm.moe->top_k;
  return padded(tokens * k / touched) * touched / k;
}

void StepModel::evaluate(const StepSums& s, StepSeconds& out) const {
  const std::int64_t decoded = s.decode_sequences * step_tokens(s.decode_sequences),
                     tokens = decoded + s.prefill_tokens;
  const double flights = concurrency(s.decode_sequences + s.prefill_sequences, tokens);
  const double micro = flights * rounds(), x = static_cast<double>(tokens) / micro, own = x / ranks();
  out = idle_;
  const double own_padded = padded(own);
  for (const OpClass c : token_ops_) {
    put(out, c, ops_[at(c)], own, own_padded, 1);
    scale(out, c, own);
  }
  if (experts_) {
    put(out, OpClass::all_to_all, ops_[at(OpClass::all_to_all)], x, x, 1);
    put(out, OpClass::expert_gemm, ops_[at(OpClass::expert_gemm)], x, padded_expert_tokens(x), expert_coverage(x));
    scale(out, OpClass::expert_gemm, x);
  }
  const std::int64_t rows = decoded + s.prefill_outputs;
  const double own_rows = static_cast<double>(rows) / (micro * ranks());
  put(out, OpClass::lm_head, ops_[at(OpClass::lm_head)], own_rows, padded(own_rows), rows > 0 ? 1 : 0);
  scale(out, OpClass::lm_head, own_rows);
  if (rows == 0) out.floor[at(OpClass::lm_head)] = 0;
  if (rounds() > 1)
    for (int c = 0; c < kOpClasses; ++c)
      out.work[static_cast<std::size_t>(c)] *= rounds(), out.floor[static_cast<std::size_t>(c)] *= rounds();
  put(out, OpClass::host, ops_[at(OpClass::host)], x, x, 1);
  scale(out, OpClass::host, x);
  out.bound[at(OpClass::host)] = Bound::host;
  out.floor[at(OpClass::host)] +=
      sequence_gap_ * static_cast<double>(s.decode_sequences + s.prefill_sequences) / ranks();

  const auto attention = [&](OpClass c, bool any, double bytes, double flop, double floor) {
    out.work[at(c)] = std::max(bytes, flop);
    out.bound[at(c)] = flop > bytes ? Bound::compute : Bound::bandwidth;
    out.floor[at(c)] = any ? floor * rounds() : 0;
  };
  out.work[at(OpClass::mlp_gemm)] += encoder_ * static_cast<double>(s.encoder_tokens);
  const double split = flights * ranks();
  attention(OpClass::prefill_attention, s.prefill_tokens > 0,
            (prefill_kv_read_ *
                 in_window(static_cast<double>(s.prefill_kv_tokens), static_cast<double>(s.prefill_window_tokens)) +
             prefill_qo_io_ * static_cast<double>(s.prefill_tokens)) /
                split,
            pair_flop_prefill_ *
                in_window(static_cast<double>(s.prefill_attention), static_cast<double>(s.prefill_window_attention)) /
                split,
            prefill_floor_);
  if (prefill_residual_ && s.prefill_tokens > 0) {
    const double f = prefill_factor(s);
    out.work[at(OpClass::prefill_attention)] *= f;
    out.floor[at(OpClass::prefill_attention)] *= f;
  }
  const double kv = kv_tokens(s);
  const Lines lines = attention_lines(s.decode_sequences);
  attention(OpClass::decode_attention, s.decode_sequences > 0, lines.offset_bytes + lines.slope_bytes * kv,
            lines.slope_flop * kv, decode_floor_);
  if (!curves_.empty() && s.decode_sequences > 0) {
    out.floor[at(OpClass::decode_attention)] = curve_base(s.decode_sequences);
    out.work[at(OpClass::decode_attention)] = curve_work(s.decode_sequences, kv);
  }
  hide_all_to_all(out);
  if (drafter_) add_drafts(s, out);
  if (const double f = step_factor(s); f != 1) {
    for (double& t : out.work) t *= f;
    for (double& t : out.floor) t *= f;
  }
}

StepSeconds StepModel::evaluate(const StepSums& sums) const {
  StepSeconds out;
  evaluate(sums, out);
  return out;
}

void StepModel::build_decode_table() {
  decode_.reserve(static_cast<std::size_t>(d_.max_sequences) + 1);
  for (std::int64_t n = 0; n <= d_.max_sequences; ++n) {
    StepSums sums;
    sums.decode_sequences = n;
    DecodeRow row;
    row.lines = make_lines(n);
    evaluate(sums, row.fixed);
    row.fixed.work[at(OpClass::decode_attention)] = 0;
    const Ticks base = ticks_from_seconds(row.fixed.total());
    Lines l = row.lines;
    const double factor = step_factor(sums);
    for (double* seconds : {&l.offset_bytes, &l.slope_bytes, &l.slope_flop, &l.slope_draft}) *seconds *= factor;
    const auto slope = [&](double s) {
      return static_cast<std::int64_t>(ticks_from_seconds((s + l.slope_draft) / units_per_token()));
    };
    row.line = curves_.empty() || n == 0
                   ? KvLine(base, ticks_from_seconds(l.offset_bytes), slope(l.slope_bytes), 0, slope(l.slope_flop))
                   : curve_line(n, base, l, factor);
    decode_.push_back(row);
  }
}

std::array<Bound, 2> StepModel::decode_attention_bounds(std::int64_t n) const {
  const Lines l = attention_lines(n);
  const bool steep_is_compute = l.slope_flop > l.slope_bytes;
  const bool has_knot = decode_line(n).knot() != INT64_MAX;
  const Bound steep = steep_is_compute ? Bound::compute : Bound::bandwidth;
  return {has_knot || !steep_is_compute ? Bound::bandwidth : Bound::compute, steep};
}

/// Useful: of verified tokens only those that are kept.
StepWork StepModel::work(const StepSums& s) const {
  const double kept = static_cast<double>(pace(s.decode_sequences)) / d_.kv_quanta();
  const std::int64_t verified = s.decode_sequences * step_tokens(s.decode_sequences);
  const double decoded = static_cast<double>(s.decode_sequences) * kept;
  const double tokens = decoded + static_cast<double>(s.prefill_tokens);
  const double rows = decoded + static_cast<double>(s.prefill_outputs);
  const double micro = rounds() * concurrency(s.decode_sequences + s.prefill_sequences, verified + s.prefill_tokens);
  const double x = static_cast<double>(verified + s.prefill_tokens) / micro, kv = kv_tokens(s);
  StepWork w;
  w.flop = flop_token_ * tokens + flop_row_ * rows + flop_encoder_ * static_cast<double>(s.encoder_tokens) +
           flop_pair_ *
               in_window(static_cast<double>(s.prefill_attention), static_cast<double>(s.prefill_window_attention)) +
           flop_kv_ * kv * kept;
  w.bytes = micro * (ranks() * (bytes_step_ + (rows > 0 ? flop_row_ : 0)) + bytes_experts_ * expert_coverage(x)) +
            bytes_token_ * tokens +
            bytes_kv_ * (kv + in_window(static_cast<double>(s.prefill_kv_tokens),
                                        static_cast<double>(s.prefill_window_tokens)));
  return w;
}

StepWork StepModel::work_per_kv_unit(std::int64_t sequences) const {
  const double kept = static_cast<double>(pace(sequences)) / d_.kv_quanta(), units = units_per_token();
  return {flop_kv_ * kept / units, bytes_kv_ / units};
}

double StepModel::dynamic_watts(Bound bound) const {
  const EngineProfile& e = d_.engine;
  const double share = bound == Bound::compute     ? e.dynamic_compute.value
                       : bound == Bound::bandwidth ? e.dynamic_bandwidth.value
                       : bound == Bound::network   ? e.dynamic_network.value
                                                   : e.dynamic_host.value;
  return share * (d_.chip.tdp.value - d_.chip.idle_power.value) * d_.chips();
}

double StepModel::dynamic_joules(const StepSeconds& s) const {
  double joules = 0;
  for (int i = 0; i < kOpClasses; ++i) {
    const auto c = static_cast<std::size_t>(i);
    const Bound floor = is_network(static_cast<OpClass>(i)) ? Bound::network : Bound::host;
    joules += s.work[c] * dynamic_watts(s.bound[c]) + s.floor[c] * dynamic_watts(floor);
  }
  return joules;
}

}  // namespace tokenfab
