#pragma once
#include <functional>
#include <vector>

#include "engine/measure.h"

namespace tokenfab::engine {

/// A point of a sweep: `run` does the operator once over all layers, or one whole step.
struct Point {
  Measurement what;
  std::function<void()> run;
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

  /// Sequence s of a synthetic batch: its own pages for `tokens` tokens.
  std::vector<std::int32_t> table(std::int64_t s, std::int64_t tokens) const;
  bool fits(std::int64_t batch, std::int64_t context) const;
  /// Of `tokens` cached tokens, in all layers.
  double kv_bytes(double tokens) const;

 private:
  Model& model_;
  MeasureOptions options_;
  std::int64_t rows_;
  void* x_ = nullptr;
  void* y_ = nullptr;
};

std::vector<std::int64_t> powers_of_two(std::int64_t from, std::int64_t to);

/// Whole steps: decode, then prefill, mixed and verify. The probe must outlive the points.
void add_decode_steps(Probe& probe, std::vector<Point>& points);
void add_other_steps(Probe& probe, std::vector<Point>& points);
/// Products, attention, experts, norms and activations, over all layers.
void add_operators(Probe& probe, std::vector<Point>& points);

}  // namespace tokenfab::engine
