#pragma once
#include <functional>
#include <vector>

#include "engine/measure.h"
#include "engine/sampler.h"

namespace tokenfab::engine {

/// A point of a sweep: `run` does the operator once over all layers, or one whole step.
struct Point {
  Measurement what;
  std::function<void()> run;
  bool cold = true;  // its weights and KV come from memory in a whole step, so evict them before each timing
};

/// The engine under measurement, with activations of random values to feed its operators.
class Probe {
 public:
  Probe(Engine& engine, const MeasureOptions& options);
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  Model& model() { return model_; }
  kernels::Backend& backend() { return model_.backend(); }
  const ModelConfig& config() const { return model_.config(); }
  const MeasureOptions& options() const { return options_; }
  std::int64_t rows() const { return rows_; }  // most rows of an operator

  kernels::Tensor x(std::int64_t rows, std::int64_t cols) const;
  kernels::Tensor y(std::int64_t rows, std::int64_t cols) const;
  kernels::Tensor y_f32(std::int64_t rows, std::int64_t cols) const;

  /// Greedy choice from logits, back on the host: how a step ends.
  void choose(const kernels::Tensor& logits) { sampler_.sample(logits, 0, std::vector<float>(logits.rows, 0.0f)); }

  /// Sequence s of a synthetic batch: its own pages for `tokens` tokens.
  std::vector<std::int32_t> table(std::int64_t s, std::int64_t tokens) const;
  /// Fills the caches with something else. Whole steps of a model that is larger than the caches need none of it.
  void evict();
  bool fits(std::int64_t batch, std::int64_t context) const;
  /// Of `tokens` cached tokens, in all layers.
  double kv_bytes(double tokens) const;

 private:
  Model& model_;
  MeasureOptions options_;
  std::int64_t rows_;
  Sampler sampler_;
  void* x_ = nullptr;
  void* y_ = nullptr;
  std::size_t evicted_bytes_;
  void* evicted_ = nullptr;
};

/// from, 2 from, 4 from, ... up to `to`; where sparse, from 16 times `from` on only every second.
/// Every count up to 8, where a kernel's tiles show most, then a ladder with steps between the powers of two.
std::vector<std::int64_t> row_counts(const MeasureOptions& options, std::int64_t most);
std::vector<std::int64_t> ladder(const MeasureOptions& options, std::int64_t from, std::int64_t to);

/// Whole steps: decode, then prefill, mixed and verify. The probe must outlive the points.
void add_decode_steps(Probe& probe, std::vector<Point>& points);
void add_other_steps(Probe& probe, std::vector<Point>& points);
/// Products, attention, experts, norms and activations, over all layers.
void add_operators(Probe& probe, std::vector<Point>& points);

}  // namespace tokenfab::engine
