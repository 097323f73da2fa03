#include <algorithm>
#include <cmath>

#include "engine/measure_points.h"

namespace tokenfab::engine {
namespace {

using kernels::Tensor;
using kernels::Weight;

Measurement operator_at(Probe& probe, const std::string& op, const std::string& key, std::int64_t rows) {
  Measurement m;
  m.kind = "operator", m.op = op, m.key = "operator " + key, m.rows = rows;
  m.layers = static_cast<std::int64_t>(probe.model().weights().layers.size());
  return m;
}

using Pick = const Weight& (*)(const LayerWeights&);

void add_gemm(Probe& probe, std::vector<Point>& points, const char* op, const char* name, Pick pick,
              std::int64_t rows) {
  const Weight& one = pick(probe.model().weights().layers[0]);
  if (!one.data) return;  // the first layer has none: latent attention, routed experts
  Measurement m = operator_at(probe, op, std::string(name) + " m" + std::to_string(rows), rows);
  m.n = one.n, m.k = one.k;
  m.bytes = static_cast<double>(one.bytes());
  m.flop = 2.0 * static_cast<double>(rows) * static_cast<double>(one.n * one.k);
  const Tensor x = probe.x(rows, one.k), y = probe.y(rows, one.n);
  points.push_back({m, [&probe, x, y, pick] {
                      for (const LayerWeights& l : probe.model().weights().layers)
                        if (pick(l).data) probe.backend().matmul({x, pick(l), y});
                    }});
}

void add_gemms(Probe& probe, std::vector<Point>& points) {
  for (const std::int64_t rows : row_counts(probe.options(), probe.rows())) {
    add_gemm(
        probe, points, "qkv_gemm", "qkv", [](const LayerWeights& l) -> const Weight& { return l.qkv; }, rows);
    add_gemm(
        probe, points, "o_gemm", "o", [](const LayerWeights& l) -> const Weight& { return l.out; }, rows);
    if (probe.config().experts > 0) continue;
    add_gemm(
        probe, points, "mlp_gemm", "gate_up", [](const LayerWeights& l) -> const Weight& { return l.gate_up; }, rows);
    add_gemm(
        probe, points, "mlp_gemm", "down", [](const LayerWeights& l) -> const Weight& { return l.down; }, rows);
  }
}

/// The last projection with the choice of a token, as a step ends.
void add_head(Probe& probe, std::vector<Point>& points) {
  const Weight& head = probe.model().weights().head;
  for (const std::int64_t rows : row_counts(probe.options(), std::min(probe.rows(), probe.model().capacity().outputs))) {
    Measurement m = operator_at(probe, "lm_head", "lm_head m" + std::to_string(rows), rows);
    m.layers = 1;
    m.n = head.n, m.k = head.k;
    m.bytes = static_cast<double>(head.bytes());
    m.flop = 2.0 * static_cast<double>(rows) * static_cast<double>(head.n * head.k);
    const Tensor x = probe.x(rows, head.k), y = probe.y_f32(rows, head.n);
    points.push_back({m, [&probe, x, y] {
                        probe.backend().matmul({x, probe.model().weights().head, y});
                        probe.choose(y);
                      }});
  }
}

/// `query` tokens of each sequence attend to its `context` cached ones, themselves included.
void add_attention(Probe& probe, std::vector<Point>& points, std::int64_t batch, std::int64_t context,
                   std::int64_t query) {
  const ModelConfig& c = probe.config();
  if (!probe.fits(batch, context) || batch * query > probe.rows()) return;
  StepBatch step(probe.model().capacity().page_tokens);
  for (std::int64_t s = 0; s < batch; ++s)
    step.add(std::vector<std::int32_t>(static_cast<std::size_t>(query), 1), context - query, probe.table(s, context),
             StepBatch::Outputs::none);
  const auto inputs =
      std::make_shared<StepInputs>(probe.backend(), batch * query, batch, probe.model().capacity().pages_each());
  inputs->upload(step);
  kernels::AttentionArgs a;
  a.q = probe.x(batch * query, c.q_heads * c.cache_key_dim());
  a.out = probe.y(batch * query, c.q_heads * c.cache_value_dim());
  a.query_start = inputs->query_start, a.kv_length = inputs->kv_length, a.page_table = inputs->page_table;
  a.sequences = static_cast<std::int32_t>(batch), a.max_pages = static_cast<std::int32_t>(inputs->max_pages);
  a.max_query = step.max_query, a.max_kv = step.max_kv, a.q_heads = static_cast<std::int32_t>(c.q_heads);
  a.scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
  const std::string op = query == 1 ? "decode_attention" : "prefill_attention";
  Measurement m = operator_at(
      probe, op, op + " b" + std::to_string(batch) + " q" + std::to_string(query) + " c" + std::to_string(context),
      batch * query);
  m.batch = batch, m.context = context, m.chunk = query > 1 ? query : 0;
  m.bytes = probe.kv_bytes(static_cast<double>(batch * context)) / static_cast<double>(m.layers);
  const double pairs = static_cast<double>(batch * (query * (context - query) + query * (query + 1) / 2));
  m.flop = 2.0 * pairs * static_cast<double>(c.q_heads * (c.cache_key_dim() + c.cache_value_dim()));
  points.push_back({m, [&probe, a, inputs] {
                      kernels::AttentionArgs layer = a;
                      for (std::size_t l = 0; l < probe.model().weights().layers.size(); ++l) {
                        layer.kv = probe.model().cache(l);
                        probe.backend().attention(layer);
                      }
                    }});
}

void add_attentions(Probe& probe, std::vector<Point>& points) {
  const MeasureOptions& o = probe.options();
  for (const std::int64_t context : ladder(probe.options(), 128, o.most_context))
    for (const std::int64_t batch : ladder(probe.options(), 1, o.most_batch)) add_attention(probe, points, batch, context, 1);
  for (const std::int64_t query : ladder(probe.options(), 16, o.most_prefill))
    for (const std::int64_t prior : {std::int64_t{0}, o.most_context / 2})
      add_attention(probe, points, 1, prior + query, query);
}

/// The routed FFN without its router, assignments spread evenly over the experts.
void add_experts(Probe& probe, std::vector<Point>& points) {
  const ModelConfig& c = probe.config();
  for (const std::int64_t tokens : ladder(probe.options(), 1, probe.rows())) {
    const std::int64_t rows = tokens * c.top_k;
    std::vector<std::int32_t> order, offsets{0};
    for (std::int64_t e = 0; e < c.experts; ++e) {
      for (std::int64_t a = e; a < rows; a += c.experts) order.push_back(static_cast<std::int32_t>(a));
      offsets.push_back(static_cast<std::int32_t>(order.size()));
    }
    const auto memory = [&probe](const std::vector<std::int32_t>& host) {
      kernels::Backend& backend = probe.backend();
      const std::shared_ptr<void> device(backend.allocate(host.size() * 4),
                                         [&backend](void* m) { backend.release(m); });
      backend.upload(device.get(), host.data(), host.size() * 4);
      return device;
    };
    const auto order_at = memory(order), offsets_at = memory(offsets);
    Measurement m = operator_at(probe, "expert_gemm", "experts t" + std::to_string(tokens), tokens);
    m.layers = c.layers - c.dense_layers;
    const LayerWeights& last = probe.model().weights().layers.back();
    const double touched = static_cast<double>(std::min(rows, c.experts));
    m.bytes = touched * static_cast<double>(last.expert_gate_up[0].bytes() + last.expert_down[0].bytes());
    m.flop = 6.0 * static_cast<double>(rows) * static_cast<double>(c.hidden * c.expert_intermediate);
    const Tensor x = probe.x(tokens, c.hidden), up = probe.y(rows, 2 * c.expert_intermediate);
    const Tensor inner = probe.x(rows, c.expert_intermediate), out = probe.y(rows, c.hidden);
    points.push_back(
        {m, [&probe, order_at, offsets_at, x, up, inner, out, rows] {
           const ModelConfig& config = probe.config();
           const auto count = static_cast<std::int32_t>(config.experts), k = static_cast<std::int32_t>(config.top_k);
           const auto* from = static_cast<const std::int32_t*>(order_at.get());
           const auto* ends = static_cast<const std::int32_t*>(offsets_at.get());
           for (const LayerWeights& l : probe.model().weights().layers) {
             if (l.expert_gate_up.empty()) continue;
             probe.backend().grouped_matmul({x, from, k, ends, l.expert_gate_up.data(), count, rows, up});
             probe.backend().grouped_matmul({inner, nullptr, 1, ends, l.expert_down.data(), count, rows, out});
           }
         }});
  }
}

/// RoPE and the cache's new entries, of sequences that decode at a short context.
std::function<void()> append_of(Probe& probe, std::int64_t rows) {
  const ModelConfig& c = probe.config();
  StepBatch step(probe.model().capacity().page_tokens);
  step.add(std::vector<std::int32_t>(static_cast<std::size_t>(rows), 1), 0, probe.table(0, rows),
           StepBatch::Outputs::none);
  const auto inputs =
      std::make_shared<StepInputs>(probe.backend(), rows, 1, probe.model().capacity().pages_each());
  inputs->upload(step);
  const std::int64_t q_width = c.q_heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const Tensor qkv = probe.x(rows, q_width + 2 * kv_width);
  kernels::RopeAppendArgs rope;
  rope.q = qkv.columns(0, q_width), rope.k = qkv.columns(q_width, kv_width);
  rope.v = qkv.columns(q_width + kv_width, kv_width);
  rope.positions = inputs->positions, rope.slots = inputs->slots;
  rope.inverse_frequency = probe.model().frequencies();
  rope.q_heads = static_cast<std::int32_t>(c.q_heads), rope.rope_dim = static_cast<std::int32_t>(c.head_dim);
  return [&probe, rope, inputs] {
    kernels::RopeAppendArgs layer = rope;
    for (std::size_t l = 0; l < probe.model().weights().layers.size(); ++l) {
      const LayerWeights& w = probe.model().weights().layers[l];
      layer.kv = probe.model().cache(l), layer.q_norm = w.q_norm, layer.k_norm = w.k_norm;
      probe.backend().rope_append(layer);
    }
  };
}

/// Two norms, RoPE with the new cache entries, and an activation, as a layer has them.
void add_norms(Probe& probe, std::vector<Point>& points) {
  const ModelConfig& c = probe.config();
  const std::int64_t width = c.experts > 0 ? c.expert_intermediate : c.intermediate;
  for (const std::int64_t rows : ladder(probe.options(), 1, probe.rows())) {
    Measurement m = operator_at(probe, "norm_activation", "norm_activation m" + std::to_string(rows), rows);
    const double act = static_cast<double>(kernels::bits_per_value(probe.backend().activation())) / 8;
    m.bytes = static_cast<double>(rows) *
              (2 * static_cast<double>(c.hidden) * (4 + act) + 3 * static_cast<double>(width) * act);
    m.flop = static_cast<double>(rows) * (10.0 * static_cast<double>(c.hidden) + 8.0 * static_cast<double>(width));
    const Tensor residual = probe.y_f32(rows, c.hidden), normed = probe.x(rows, c.hidden);
    const Tensor wide = probe.x(rows, 2 * width), inner = probe.y(rows, width);
    const bool rotates = !c.latent() && probe.fits(1, rows + 1);
    points.push_back({m, [&probe, residual, normed, wide, inner,
                          append = rotates ? append_of(probe, rows) : std::function<void()>([] {})] {
                        append();
                        for (const LayerWeights& l : probe.model().weights().layers) {
                          probe.backend().rms_norm({{}, residual, l.input_norm, 1e-5f, normed});
                          probe.backend().rms_norm({{}, residual, l.post_norm, 1e-5f, normed});
                          probe.backend().swiglu({wide, inner});
                        }
                      },
                      false});
  }
}

}  // namespace

void add_operators(Probe& probe, std::vector<Point>& points) {
  add_head(probe, points);
  add_attentions(probe, points);
  add_norms(probe, points);
  add_gemms(probe, points);
  if (probe.config().experts > 0) add_experts(probe, points);
}

}  // namespace tokenfab::engine
