#include "engine/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "kernels/random_weights.h"

namespace tokenfab::engine {
namespace {

using kernels::DType;
using kernels::Tensor;
using kernels::Weight;
using Clock = std::chrono::steady_clock;

struct Point {
  Measurement what;
  std::function<void()> run;  // once over all layers, or one step
};

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

/// Fills times: rounds of at least 2 ms each, warmed up once.
void time_point(Measurement& m, const Point& point, kernels::Backend& backend, int rounds) {
  const auto timed = [&](std::int64_t calls) {
    const Clock::time_point begin = Clock::now();
    for (std::int64_t i = 0; i < calls; ++i) point.run();
    backend.synchronize();
    return seconds_since(begin) / static_cast<double>(calls);
  };
  const double first = (timed(1), timed(1));
  const auto calls = static_cast<std::int64_t>(std::clamp(2e-3 / std::max(first, 1e-7), 1.0, 1000.0));
  std::vector<double> times;
  for (int r = 0; r < rounds; ++r) times.push_back(timed(calls) / static_cast<double>(m.layers));
  std::sort(times.begin(), times.end());
  const auto at = [&](double q) {
    return times[static_cast<std::size_t>(std::lround(q * static_cast<double>(times.size() - 1)))];
  };
  m.median_s = at(0.5), m.p10_s = at(0.1), m.p90_s = at(0.9);
  m.rounds = rounds;
}

class Sweep {
 public:
  Sweep(Engine& engine, const MeasureOptions& options)
      : model_(engine.model()), backend_(model_.backend()), options_(options), spec_(engine.spec()) {
    for (std::int32_t p = 0; p < static_cast<std::int32_t>(model_.capacity().pages); ++p) all_pages_.push_back(p);
    const std::int64_t widest = std::max({model_.config().vocab, 2 * model_.config().intermediate,
                                          model_.config().q_heads * model_.config().head_dim * 3});
    rows_ = std::min<std::int64_t>(model_.capacity().rows, std::max(options.most_prefill, options.most_batch));
    const std::size_t bytes = static_cast<std::size_t>(rows_ * widest) * 4;
    for (void** buffer : {&x_, &y_}) {
      *buffer = backend_.allocate(bytes);
      backend_.fill(*buffer, 0, bytes);
    }
    const bool narrow = backend_.activation() == DType::bf16;
    std::vector<float> wide(bytes / 8);  // enough for either type
    std::vector<kernels::bf16> half(wide.size());
    for (std::size_t i = 0; i < wide.size(); ++i) {
      wide[i] = kernels::random_weight(1, i, 1.0f);
      half[i] = kernels::bf16(wide[i]);
    }
    backend_.upload(x_, narrow ? static_cast<const void*>(half.data()) : wide.data(), wide.size() * (narrow ? 2 : 4));
  }
  ~Sweep() {
    backend_.release(x_);
    backend_.release(y_);
  }
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  std::vector<Point> points() {
    decode_steps();
    gemms();
    prefill_steps();
    mixed_steps();
    verify_steps();
    return std::move(points_);
  }

 private:
  static std::vector<std::int64_t> powers(std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> all;
    for (std::int64_t n = from; n <= to; n *= 2) all.push_back(n);
    return all;
  }

  /// Sequence s of a synthetic batch: its own pages, context tokens in all.
  std::vector<std::int32_t> table(std::int64_t s, std::int64_t tokens) const {
    const std::int64_t page = model_.capacity().page_tokens, each = (tokens + page - 1) / page;
    std::vector<std::int32_t> t;
    for (std::int64_t i = 0; i < each; ++i) t.push_back(all_pages_[static_cast<std::size_t>(s * each + i)]);
    return t;
  }
  bool fits(std::int64_t batch, std::int64_t context) const {
    const std::int64_t page = model_.capacity().page_tokens;
    return batch <= model_.capacity().sequences && context <= model_.capacity().context - 1 &&
           batch * ((context + page - 1) / page) <= model_.capacity().pages;
  }

  void add_step(const std::string& op, std::int64_t batch, std::int64_t context, std::int64_t chunk, std::int64_t prior,
                std::int64_t drafts = 0) {
    const std::int64_t sequences = batch + (chunk > 0 ? 1 : 0), longest = std::max(context, prior + chunk);
    if (!fits(sequences, longest) || chunk + batch * (1 + drafts) > model_.capacity().rows ||
        batch * (1 + drafts) + 1 > model_.capacity().outputs)
      return;
    StepBatch step(model_.capacity().page_tokens);
    for (std::int64_t s = 0; s < batch; ++s)
      step.add(std::vector<std::int32_t>(static_cast<std::size_t>(1 + drafts), static_cast<std::int32_t>(s % 97)),
               context - 1 - drafts, table(s, longest), StepBatch::Outputs::all);
    if (chunk > 0)
      step.add(std::vector<std::int32_t>(static_cast<std::size_t>(chunk), 11), prior, table(batch, longest),
               StepBatch::Outputs::last);
    Measurement m;
    m.kind = "step", m.op = op, m.batch = batch, m.context = context, m.chunk = chunk, m.rows = step.rows();
    m.key = "step " + op + " b" + std::to_string(batch) + " c" + std::to_string(context) + " q" +
            std::to_string(chunk) + " p" + std::to_string(prior) + " d" + std::to_string(drafts);
    m.sums.decode_sequences = batch;
    m.sums.decode_kv_tokens = batch * context;
    m.sums.prefill_sequences = chunk > 0;
    m.sums.prefill_tokens = chunk;
    m.sums.prefill_attention = chunk * prior + chunk * (chunk + 1) / 2;
    m.sums.prefill_kv_tokens = chunk > 0 ? prior + chunk : 0;
    m.sums.prefill_outputs = chunk > 0;
    const double tokens = static_cast<double>(step.rows());
    m.bytes = static_cast<double>(model_.weight_bytes()) +
              kv_bytes(static_cast<double>(batch * context + m.sums.prefill_kv_tokens));
    m.flop = 2.0 * tokens * static_cast<double>(model_.config().active_parameters());
    points_.push_back({m, [this, step] { model_.forward(step); }});
  }

  double kv_bytes(double tokens) const {
    const double total = static_cast<double>(model_.capacity().pages * model_.capacity().page_tokens);
    return static_cast<double>(model_.cache_bytes()) / total * tokens;
  }

  void decode_steps() {
    for (const std::int64_t context : powers(128, options_.most_context))
      for (const std::int64_t batch : powers(1, options_.most_batch)) add_step("decode", batch, context, 0, 0);
  }
  void prefill_steps() {
    for (const std::int64_t prior : {std::int64_t{0}, options_.most_context / 2})
      for (const std::int64_t chunk : powers(16, options_.most_prefill)) add_step("prefill", 0, 0, chunk, prior);
  }
  void mixed_steps() {
    for (const std::int64_t batch : powers(4, options_.most_batch))
      for (const std::int64_t chunk : powers(32, options_.most_prefill / 2))
        add_step("mixed", batch, options_.most_context / 4, chunk, 0);
  }
  void verify_steps() {
    for (const std::int64_t drafts : {1, 2, 4, 7})
      for (const std::int64_t batch : powers(1, std::min<std::int64_t>(options_.most_batch, 16)))
        add_step("verify", batch, options_.most_context / 4, 0, 0, drafts);
  }

  using Pick = std::function<const Weight&(const LayerWeights&)>;
  void add_gemm(const std::string& op, const std::string& name, const Pick& pick, std::int64_t m_rows) {
    const std::vector<LayerWeights>& layers = model_.weights().layers;
    const Weight& one = pick(layers[0]);
    Measurement m;
    m.kind = "operator", m.op = op, m.rows = m_rows, m.n = one.n, m.k = one.k;
    m.layers = static_cast<std::int64_t>(layers.size());
    m.key = "operator " + name + " m" + std::to_string(m_rows);
    m.bytes = static_cast<double>(one.bytes());
    m.flop = 2.0 * static_cast<double>(m_rows) * static_cast<double>(one.n * one.k);
    const Tensor x{x_, backend_.activation(), m_rows, one.k, one.k}, y{y_, backend_.activation(), m_rows, one.n, one.n};
    points_.push_back({m, [this, x, y, pick] {
                         for (const LayerWeights& l : model_.weights().layers) backend_.matmul({x, pick(l), y});
                       }});
  }
  void gemms() {
    const bool dense = model_.config().experts == 0, latent = model_.config().latent();
    for (const std::int64_t m : powers(1, rows_)) {
      if (!latent)
        add_gemm(
            "qkv_gemm", "qkv", [](const LayerWeights& l) -> const Weight& { return l.qkv; }, m);
      add_gemm(
          "o_gemm", "o", [](const LayerWeights& l) -> const Weight& { return l.out; }, m);
      if (!dense) continue;
      add_gemm(
          "mlp_gemm", "gate_up", [](const LayerWeights& l) -> const Weight& { return l.gate_up; }, m);
      add_gemm(
          "mlp_gemm", "down", [](const LayerWeights& l) -> const Weight& { return l.down; }, m);
    }
    for (const std::int64_t m : powers(1, std::min(rows_, model_.capacity().outputs))) add_head(m);
    for (const std::int64_t context : powers(128, options_.most_context))
      for (const std::int64_t batch : powers(1, options_.most_batch)) add_attention(batch, context);
  }
  void add_head(std::int64_t rows) {
    const Weight& head = model_.weights().head;
    Measurement m;
    m.kind = "operator", m.op = "lm_head", m.rows = rows, m.n = head.n, m.k = head.k;
    m.key = "operator lm_head m" + std::to_string(rows);
    m.bytes = static_cast<double>(head.bytes());
    m.flop = 2.0 * static_cast<double>(rows) * static_cast<double>(head.n * head.k);
    const Tensor x{x_, backend_.activation(), rows, head.k, head.k}, y{y_, DType::f32, rows, head.n, head.n};
    points_.push_back({m, [this, x, y] { backend_.matmul({x, model_.weights().head, y}); }});
  }

  void add_attention(std::int64_t batch, std::int64_t context) {
    const ModelConfig& c = model_.config();
    if (!fits(batch, context)) return;
    StepBatch step(model_.capacity().page_tokens);
    for (std::int64_t s = 0; s < batch; ++s) step.add({1}, context - 1, table(s, context), StepBatch::Outputs::none);
    const auto inputs = std::make_shared<StepInputs>(backend_, batch, batch, model_.capacity().pages_each());
    inputs->upload(step);
    kernels::AttentionArgs a;
    a.q = {x_, backend_.activation(), batch, c.q_heads * c.cache_key_dim(), c.q_heads * c.cache_key_dim()};
    a.out = {y_, backend_.activation(), batch, c.q_heads * c.cache_value_dim(), c.q_heads * c.cache_value_dim()};
    a.query_start = inputs->query_start, a.kv_length = inputs->kv_length, a.page_table = inputs->page_table;
    a.sequences = static_cast<std::int32_t>(batch), a.max_pages = static_cast<std::int32_t>(inputs->max_pages);
    a.max_query = 1, a.max_kv = step.max_kv, a.q_heads = static_cast<std::int32_t>(c.q_heads);
    a.scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
    const std::size_t layers = model_.weights().layers.size();
    Measurement m;
    m.kind = "operator", m.op = "decode_attention", m.rows = m.batch = batch, m.context = context;
    m.layers = static_cast<std::int64_t>(layers);
    m.key = "operator decode_attention b" + std::to_string(batch) + " c" + std::to_string(context);
    m.bytes = kv_bytes(static_cast<double>(batch * context)) / static_cast<double>(layers);
    m.flop = 2.0 * static_cast<double>(batch * context * c.q_heads * (c.cache_key_dim() + c.cache_value_dim()));
    points_.push_back({m, [this, a, inputs, layers] {
                         kernels::AttentionArgs layer = a;
                         for (std::size_t l = 0; l < layers; ++l) {
                           layer.kv = model_.cache(l);
                           backend_.attention(layer);
                         }
                       }});
  }

  Model& model_;
  kernels::Backend& backend_;
  MeasureOptions options_;
  EngineSpec spec_;
  std::vector<std::int32_t> all_pages_;
  std::vector<Point> points_;
  std::int64_t rows_ = 0;
  void* x_ = nullptr;
  void* y_ = nullptr;
};

}  // namespace

std::int64_t measure(Engine& engine, const MeasureOptions& options, const std::set<std::string>& known,
                     const std::function<void(const Measurement&)>& done) {
  Sweep sweep(engine, options);
  const Clock::time_point begin = Clock::now();
  std::int64_t left = 0;
  for (const Point& point : sweep.points()) {
    if (known.count(point.what.key) > 0) continue;
    if (seconds_since(begin) >= options.seconds) {
      ++left;
      continue;
    }
    Measurement m = point.what;
    time_point(m, point, engine.model().backend(), options.rounds);
    done(m);
  }
  return left;
}

std::vector<Measurement> measurement_plan(Engine& engine, const MeasureOptions& options) {
  Sweep sweep(engine, options);
  std::vector<Measurement> plan;
  for (const Point& point : sweep.points()) plan.push_back(point.what);
  return plan;
}

}  // namespace tokenfab::engine
