#include "engine/model.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tokenfab::engine {
namespace {

using kernels::DType;
using kernels::Tensor;

constexpr std::int64_t kCopyChunk = 4096;

// Activation buffers; two live at a time never share one.
enum Buffer { kNormed, kProjected, kQueries, kAttended, kWide, kNarrow, kExpertOut, kBuffers };

std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

}  // namespace

Model::Model(kernels::Backend& backend, const ModelConfig& config, const WeightSource& source,
             const WeightFormat& format, const Capacity& capacity, std::int64_t layers, const WeightVisitor& visit)
    : backend_(backend),
      config_(config),
      capacity_(capacity),
      weights_(load_weights(backend, config, source, format, layers, visit)),
      inputs_(backend, capacity.rows, capacity.sequences, capacity.pages_each()) {
  const ModelConfig& c = config_;
  const std::int64_t spread = c.experts > 0 ? c.top_k : 1;  // routed rows per token
  const std::int64_t mlp = std::max({c.intermediate, c.shared_intermediate, c.expert_intermediate * spread});
  widths_.assign(kBuffers, 0);
  widths_[kNormed] = c.hidden;
  widths_[kProjected] =
      c.latent() ? c.q_heads * c.head_dim + c.kv_lora + c.rope_dim : (c.q_heads + 2 * c.kv_heads) * c.head_dim;
  widths_[kQueries] = c.latent() ? c.q_heads * (c.kv_lora + c.rope_dim) : 0;
  widths_[kAttended] = c.q_heads * std::max(c.latent() ? c.kv_lora + c.value_dim : 0, c.head_dim);
  widths_[kWide] = 2 * mlp;
  widths_[kNarrow] = mlp;
  widths_[kExpertOut] = c.experts > 0 ? spread * c.hidden : 0;
  const std::int64_t value = kernels::bits_per_value(backend.activation()) / 8;
  for (const std::int64_t width : widths_) buffers_.push_back(memory(capacity.rows * width * value));
  residual_ = static_cast<float*>(memory(capacity.rows * c.hidden * 4));
  logits_ = static_cast<float*>(memory(capacity.outputs * std::max(c.vocab, c.hidden) * 4));
  copy_slots_ = static_cast<std::int64_t*>(memory(2 * kCopyChunk * 8));
  const std::vector<float> frequencies = c.inverse_frequencies();
  frequencies_ = static_cast<float*>(memory(static_cast<std::int64_t>(frequencies.size()) * 4));
  backend.upload(frequencies_, frequencies.data(), frequencies.size() * 4);
  if (c.experts > 0) {
    const std::int64_t assigned = capacity.rows * c.top_k;
    route_.logits = {memory(capacity.rows * c.experts * 4), DType::f32, capacity.rows, c.experts, c.experts};
    route_.weights = static_cast<float*>(memory(assigned * 4));
    route_.experts = static_cast<std::int32_t*>(memory(assigned * 4));
    route_.order = static_cast<std::int32_t*>(memory(assigned * 4));
    route_.position = static_cast<std::int32_t*>(memory(assigned * 4));
    route_.offsets = static_cast<std::int32_t*>(memory((c.experts + 1) * 4));
    route_.top_k = static_cast<std::int32_t>(c.top_k);
    route_.renormalize = c.renormalize;
  }
  make_cache();
}

Model::~Model() {
  for (void* m : owned_) backend_.release(m);
}

void* Model::memory(std::int64_t bytes) {
  owned_.push_back(backend_.allocate(static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1))));
  return owned_.back();
}

void Model::make_cache() {
  const ModelConfig& c = config_;
  const bool scaled = capacity_.kv == DType::e4m3 || capacity_.kv == DType::i8;
  const std::int64_t rows = capacity_.pages * capacity_.page_tokens * c.cache_heads();
  const std::int64_t value = kernels::bits_per_value(capacity_.kv) / 8;
  const auto filled = [&](std::int64_t bytes) {
    void* m = memory(bytes);
    backend_.fill(m, 0, static_cast<std::size_t>(bytes));
    cache_bytes_ += bytes;
    return m;
  };
  for (std::size_t l = 0; l < weights_.layers.size(); ++l) {
    kernels::KvCache kv;
    kv.type = capacity_.kv;
    kv.page_tokens = capacity_.page_tokens;
    kv.kv_heads = static_cast<std::int32_t>(c.cache_heads());
    kv.head_dim = static_cast<std::int32_t>(c.cache_key_dim());
    kv.value_dim = static_cast<std::int32_t>(c.cache_value_dim());
    kv.keys = filled(rows * kv.head_dim * value);
    if (!c.latent()) kv.values = filled(rows * kv.value_dim * value);
    if (scaled) kv.key_scales = static_cast<float*>(filled(rows * 4));
    if (scaled && !c.latent()) kv.value_scales = static_cast<float*>(filled(rows * 4));
    cache_.push_back(kv);
  }
}

Tensor Model::act(int buffer, std::int64_t rows, std::int64_t cols) {
  require(rows * cols <= capacity_.rows * widths_[static_cast<std::size_t>(buffer)], "an activation fits its buffer");
  return {buffers_[static_cast<std::size_t>(buffer)], backend_.activation(), rows, cols, cols};
}

Tensor Model::forward(const StepBatch& batch) {
  const auto outputs = static_cast<std::int64_t>(batch.output_rows.size());
  require(outputs <= capacity_.outputs, "a step's logits fit their buffer");
  Shape shape{batch.rows(), batch.sequences(), outputs, batch.max_query, batch.max_kv, !batch.tree_mask.empty()};
  inputs_.upload(batch);
  if (graphs_ && shape.max_query <= 8) {
    // The bound only sizes launches, so steps of nearby lengths share a recording.
    const std::int64_t longest = inputs_.max_pages * capacity_.page_tokens;
    shape.max_kv = static_cast<std::int32_t>(std::min(round_up(shape.max_kv, 1024), longest));
    const auto [known, first] = recorded_.try_emplace(shape);
    if (first) {
      run(shape);  // libraries tune themselves on what they meet, which a recording forbids
    } else {
      if (!known->second) known->second = backend_.record([this, shape] { run(shape); });
      known->second();
    }
  } else {
    run(shape);
  }
  return {logits_, DType::f32, outputs, config_.vocab, config_.vocab};
}

void Model::project(const kernels::MatmulArgs& args) {
  if (observer_) observer_(args.w, args.x);
  backend_.matmul(args);
}

void Model::run(const Shape& shape) {
  const ModelConfig& c = config_;
  const Tensor residual{residual_, DType::f32, shape.rows, c.hidden, c.hidden};
  const Tensor normed = act(kNormed, shape.rows, c.hidden);
  backend_.embed({inputs_.tokens, weights_.embedding, residual});
  for (std::size_t l = 0; l < weights_.layers.size(); ++l) {
    const LayerWeights& w = weights_.layers[l];
    backend_.rms_norm({{}, residual, w.input_norm, c.norm_eps, normed});
    if (c.latent()) latent_attention(shape, l);
    else attention(shape, l);
    backend_.rms_norm({{}, residual, w.post_norm, c.norm_eps, normed});
    if (c.routed(static_cast<std::int64_t>(l))) experts(w, normed, residual);
    else mlp(w, normed, residual, c.intermediate);
  }
  if (shape.outputs == 0) return;
  // The norm is taken after the rows are picked: few tokens of a prefill are wanted.
  const Tensor picked{logits_, DType::f32, shape.outputs, c.hidden, c.hidden};
  backend_.gather({residual, inputs_.output_rows, picked});
  const Tensor last = act(kNormed, shape.outputs, c.hidden);
  backend_.rms_norm({{}, picked, weights_.final_norm, c.norm_eps, last});
  backend_.matmul({last, weights_.head, {logits_, DType::f32, shape.outputs, c.vocab, c.vocab}});
}

void Model::attend(const Shape& shape, std::size_t layer, const Tensor& q, const Tensor& out) {
  kernels::AttentionArgs a;
  a.q = q;
  a.out = out;
  a.kv = cache_[layer];
  a.query_start = inputs_.query_start;
  a.kv_length = inputs_.kv_length;
  a.page_table = inputs_.page_table;
  a.tree_mask = shape.tree ? inputs_.tree_mask : nullptr;
  a.sequences = static_cast<std::int32_t>(shape.sequences);
  a.max_pages = static_cast<std::int32_t>(inputs_.max_pages);
  a.max_query = shape.max_query;
  a.max_kv = shape.max_kv;
  a.q_heads = static_cast<std::int32_t>(config_.q_heads);
  a.scale = 1.0f / std::sqrt(static_cast<float>(config_.head_dim));
  backend_.attention(a);
}

void Model::attention(const Shape& shape, std::size_t layer) {
  const ModelConfig& c = config_;
  const LayerWeights& w = weights_.layers[layer];
  const std::int64_t q_width = c.q_heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const Tensor qkv = act(kProjected, shape.rows, q_width + 2 * kv_width);
  project({act(kNormed, shape.rows, c.hidden), w.qkv, qkv});
  kernels::RopeAppendArgs rope;
  rope.q = qkv.columns(0, q_width);
  rope.k = qkv.columns(q_width, kv_width);
  rope.v = qkv.columns(q_width + kv_width, kv_width);
  rope.positions = inputs_.positions;
  rope.slots = inputs_.slots;
  rope.inverse_frequency = frequencies_;
  rope.q_heads = static_cast<std::int32_t>(c.q_heads);
  rope.rope_dim = static_cast<std::int32_t>(c.head_dim);
  rope.q_norm = w.q_norm;
  rope.k_norm = w.k_norm;
  rope.eps = c.norm_eps;
  rope.kv = cache_[layer];
  backend_.rope_append(rope);
  const Tensor attended = act(kAttended, shape.rows, q_width);
  attend(shape, layer, rope.q, attended);
  project({attended, w.out, {residual_, DType::f32, shape.rows, c.hidden, c.hidden}, true});
}

/// MLA with the up-projections absorbed: one KV head whose key is the normed latent followed by the rotated part, and
/// whose value is the latent.
void Model::latent_attention(const Shape& shape, std::size_t layer) {
  const ModelConfig& c = config_;
  const LayerWeights& w = weights_.layers[layer];
  const std::int64_t key = c.kv_lora + c.rope_dim, q_width = c.q_heads * c.head_dim;
  const Tensor x = act(kNormed, shape.rows, c.hidden);
  const Tensor both = act(kProjected, shape.rows, q_width + key);
  const Tensor q = both.columns(0, q_width), down = both.columns(q_width, key), latent = down.columns(0, c.kv_lora);
  project({x, w.q, q});
  project({x, w.kv_down, down});
  backend_.rms_norm({{}, latent, w.kv_norm, c.norm_eps, latent});
  const Tensor absorbed = act(kQueries, shape.rows, c.q_heads * key);
  for (std::int64_t h = 0; h < c.q_heads; ++h) {
    const auto head = static_cast<std::size_t>(h);
    project({q.columns(h * c.head_dim, c.nope_dim), w.key_up[head], absorbed.columns(h * key, c.kv_lora)});
    backend_.gather({q.columns(h * c.head_dim + c.nope_dim, c.rope_dim), nullptr,
                     absorbed.columns(h * key + c.kv_lora, c.rope_dim)});
  }
  kernels::RopeAppendArgs rope;
  rope.q = absorbed;
  rope.k = down;
  rope.positions = inputs_.positions;
  rope.slots = inputs_.slots;
  rope.inverse_frequency = frequencies_;
  rope.q_heads = static_cast<std::int32_t>(c.q_heads);
  rope.rope_dim = static_cast<std::int32_t>(c.rope_dim);
  rope.interleaved = true;
  rope.kv = cache_[layer];
  backend_.rope_append(rope);
  const Tensor room = act(kAttended, shape.rows, c.q_heads * (c.kv_lora + c.value_dim));
  const Tensor mixed{room.data, room.type, shape.rows, c.q_heads * c.kv_lora, room.stride};
  const Tensor values = room.columns(c.q_heads * c.kv_lora, c.q_heads * c.value_dim);
  attend(shape, layer, absorbed, mixed);
  for (std::int64_t h = 0; h < c.q_heads; ++h)
    project({mixed.columns(h * c.kv_lora, c.kv_lora), w.value_up[static_cast<std::size_t>(h)],
             values.columns(h * c.value_dim, c.value_dim)});
  project({values, w.out, {residual_, DType::f32, shape.rows, c.hidden, c.hidden}, true});
}

void Model::mlp(const LayerWeights& w, const Tensor& x, const Tensor& residual, std::int64_t width) {
  const Tensor gate_up = act(kWide, x.rows, 2 * width), inner = act(kNarrow, x.rows, width);
  project({x, w.gate_up, gate_up});
  backend_.swiglu({gate_up, inner});
  project({inner, w.down, residual, true});
}

void Model::experts(const LayerWeights& w, const Tensor& x, const Tensor& residual) {
  const ModelConfig& c = config_;
  if (c.shared_intermediate > 0) mlp(w, x, residual, c.shared_intermediate);
  kernels::MoeRouteArgs route = route_;
  route.logits = route_.logits.head(x.rows);
  backend_.matmul({x, w.router, route.logits});
  backend_.moe_route(route);
  const std::int64_t rows = x.rows * c.top_k;
  const auto count = static_cast<std::int32_t>(c.experts);
  const Tensor gate_up = act(kWide, rows, 2 * c.expert_intermediate), inner = act(kNarrow, rows, c.expert_intermediate);
  const Tensor out = act(kExpertOut, rows, c.hidden);
  backend_.grouped_matmul({x, route.order, route.top_k, route.offsets, w.expert_gate_up.data(), count, rows, gate_up});
  backend_.swiglu({gate_up, inner});
  backend_.grouped_matmul({inner, nullptr, 1, route.offsets, w.expert_down.data(), count, rows, out});
  backend_.moe_combine({out, route.weights, route.position, route.top_k, true, residual});
}

void Model::copy_cache(const std::vector<std::int64_t>& from, const std::vector<std::int64_t>& to) {
  for (std::size_t first = 0; first < from.size(); first += kCopyChunk) {
    const std::size_t count = std::min<std::size_t>(kCopyChunk, from.size() - first);
    backend_.upload(copy_slots_, from.data() + first, count * 8);
    backend_.upload(copy_slots_ + kCopyChunk, to.data() + first, count * 8);
    for (const kernels::KvCache& kv : cache_)
      backend_.copy_kv({kv, copy_slots_, copy_slots_ + kCopyChunk, static_cast<std::int64_t>(count)});
  }
}

}  // namespace tokenfab::engine
