#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/model_config.h"
#include "engine/model_weights.h"
#include "engine/step_batch.h"
#include "kernels/backend.h"

namespace tokenfab::engine {

/// What an engine sets memory aside for.
struct Capacity {
  std::int64_t rows = 0;       // tokens in one step
  std::int64_t sequences = 0;  // in one step
  std::int64_t outputs = 0;    // rows of logits in one step
  std::int64_t pages = 0;      // KV pages
  std::int32_t page_tokens = 16;
  std::int64_t context = 0;  // longest sequence
  kernels::DType kv = kernels::DType::bf16;

  std::int64_t pages_each() const { return (context + page_tokens - 1) / page_tokens + 1; }
};

/// A model in a backend's memory, with its paged KV cache. One step at a time.
class Model {
 public:
  /// `layers` < 0: all; else a model of the first layers with the same head (a draft for the whole one).
  Model(kernels::Backend& backend, const ModelConfig& config, const WeightSource& source, const WeightFormat& format,
        const Capacity& capacity, std::int64_t layers = -1, const WeightVisitor& visit = {});
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Runs the batch, writes its tokens into the cache, and returns the logits f32 [outputs, vocab] of
  /// batch.output_rows in the backend's memory, valid until the next call.
  kernels::Tensor forward(const StepBatch& batch);

  /// Copies cached tokens between slots (page * page_tokens + row) in every layer, in order.
  void copy_cache(const std::vector<std::int64_t>& from, const std::vector<std::int64_t>& to);

  const ModelConfig& config() const { return config_; }
  const Capacity& capacity() const { return capacity_; }
  kernels::Backend& backend() { return backend_; }
  kernels::DType activation() const { return backend_.activation(); }
  std::int64_t weight_bytes() const { return weights_.bytes; }
  std::int64_t cache_bytes() const { return cache_bytes_; }
  /// For measurements: the weights, one layer's cache, and activation rows of a given width.
  const ModelWeights& weights() const { return weights_; }
  const kernels::KvCache& cache(std::size_t layer) const { return cache_[layer]; }
  const float* frequencies() const { return frequencies_; }
  /// Sees the input of every projection (not of routed experts) before it is multiplied.
  using Observer = std::function<void(const kernels::Weight&, const kernels::Tensor&)>;
  void observe(Observer observer) { observer_ = std::move(observer); }
  /// Records each shape of decode step when it comes for the second time, and replays it from then on (CUDA graphs).
  /// The results are the same.
  void use_graphs(bool on) { graphs_ = on; }

 private:
  struct Shape {  // what a recorded step is good for
    std::int64_t rows, sequences, outputs;
    std::int32_t max_query, max_kv;
    bool tree;
    auto operator<=>(const Shape&) const = default;
  };
  void project(const kernels::MatmulArgs& args);
  void run(const Shape& shape);
  void attention(const Shape& shape, std::size_t layer);
  void latent_attention(const Shape& shape, std::size_t layer);
  void mlp(const LayerWeights& w, const kernels::Tensor& x, const kernels::Tensor& residual, std::int64_t width);
  void experts(const LayerWeights& w, const kernels::Tensor& x, const kernels::Tensor& residual);
  void attend(const Shape& shape, std::size_t layer, const kernels::Tensor& q, const kernels::Tensor& out);
  kernels::Tensor act(int buffer, std::int64_t rows, std::int64_t cols);
  void* memory(std::int64_t bytes);
  void make_cache();

  kernels::Backend& backend_;
  ModelConfig config_;
  Capacity capacity_;
  ModelWeights weights_;
  StepInputs inputs_;
  std::vector<kernels::KvCache> cache_;  // by layer
  std::vector<void*> owned_;
  std::vector<void*> buffers_;        // activations, see model.cpp
  std::vector<std::int64_t> widths_;  // values per row of each
  float* frequencies_ = nullptr;
  float* residual_ = nullptr;
  float* logits_ = nullptr;
  kernels::MoeRouteArgs route_;
  std::int64_t* copy_slots_ = nullptr;
  std::int64_t cache_bytes_ = 0;
  bool graphs_ = false;
  Observer observer_;
  std::map<Shape, std::function<void()>> recorded_;  // empty functions: seen once
};

}  // namespace tokenfab::engine
