#include "engine/measure_points.h"

#include <unistd.h>

#include <algorithm>

#include "kernels/random_weights.h"

namespace tokenfab::engine {

using kernels::DType;
using kernels::Tensor;

namespace {

/// Of this machine; a GPU's is smaller.
std::size_t last_cache_bytes() {
  const long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE), l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return static_cast<std::size_t>(std::clamp(std::max(l3, l2), 32l << 20, 512l << 20));
}

}  // namespace

Probe::Probe(Engine& engine, const MeasureOptions& options)
    : model_(engine.model()),
      options_(options),
      rows_(std::min(model_.capacity().rows, std::max(options.most_prefill, options.most_batch))),
      sampler_(model_.backend(), model_.capacity().outputs, 1) {
  evicted_bytes_ = last_cache_bytes();
  evicted_ = backend().allocate(evicted_bytes_);
  const ModelConfig& c = config();
  const std::int64_t spread = std::max<std::int64_t>(1, c.top_k);
  const std::int64_t widest =
      std::max({c.vocab, 2 * c.intermediate, 2 * c.expert_intermediate * spread, c.hidden * spread,
                c.q_heads * std::max(c.head_dim, c.cache_key_dim()) + 2 * c.kv_heads * c.head_dim});
  const std::size_t values = static_cast<std::size_t>(rows_ * widest);
  x_ = backend().allocate(values * 4);
  y_ = backend().allocate(values * 4);
  backend().fill(y_, 0, values * 4);
  if (backend().activation() == DType::f32) {
    std::vector<float> random(values);
    for (std::size_t i = 0; i < values; ++i) random[i] = kernels::random_weight(1, i, 1.0f);
    backend().upload(x_, random.data(), values * 4);
  } else {
    std::vector<kernels::bf16> random(values);
    for (std::size_t i = 0; i < values; ++i) random[i] = kernels::bf16(kernels::random_weight(1, i, 1.0f));
    backend().upload(x_, random.data(), values * 2);
  }
}

Probe::~Probe() {
  backend().release(x_);
  backend().release(y_);
  backend().release(evicted_);
}

void Probe::evict() { backend().fill(evicted_, 0, evicted_bytes_); }

Tensor Probe::x(std::int64_t rows, std::int64_t cols) const { return {x_, model_.activation(), rows, cols, cols}; }
Tensor Probe::y(std::int64_t rows, std::int64_t cols) const { return {y_, model_.activation(), rows, cols, cols}; }
Tensor Probe::y_f32(std::int64_t rows, std::int64_t cols) const { return {y_, DType::f32, rows, cols, cols}; }

std::vector<std::int32_t> Probe::table(std::int64_t s, std::int64_t tokens) const {
  const std::int64_t page = model_.capacity().page_tokens, each = (tokens + page - 1) / page;
  std::vector<std::int32_t> t;
  for (std::int64_t i = 0; i < each; ++i) t.push_back(static_cast<std::int32_t>(s * each + i));
  return t;
}

bool Probe::fits(std::int64_t batch, std::int64_t context) const {
  const std::int64_t page = model_.capacity().page_tokens;
  return batch <= model_.capacity().sequences && context <= model_.capacity().context - 1 &&
         batch * ((context + page - 1) / page) <= model_.capacity().pages;
}

double Probe::kv_bytes(double tokens) const {
  const double total = static_cast<double>(model_.capacity().pages * model_.capacity().page_tokens);
  return static_cast<double>(model_.cache_bytes()) / total * tokens;
}

std::vector<std::int64_t> row_counts(const MeasureOptions& options, std::int64_t most) {
  std::vector<std::int64_t> rows;
  for (std::int64_t n = 1; n <= std::min<std::int64_t>(8, most); ++n) rows.push_back(n);
  for (const std::int64_t n : ladder(options, 16, most)) {
    if (!options.sparse) rows.push_back(n - n / 4);
    rows.push_back(n);
  }
  return rows;
}

std::vector<std::int64_t> ladder(const MeasureOptions& options, std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> all;
  for (std::int64_t n = from; n <= to; n *= options.sparse && n >= 16 * from ? 4 : 2) all.push_back(n);
  return all;
}

}  // namespace tokenfab::engine
