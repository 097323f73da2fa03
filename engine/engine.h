#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine_executor.h"
#include "engine/model.h"
#include "kernels/backend.h"

namespace tokenfab::engine {

/// Where drafts come from. "none", "ngram" (prompt lookup), "layers" (the target's own first layers and its head),
/// "noisy" (the target with noise on its weights), "model" (another model of the same vocabulary).
struct DraftSpec {
  std::string kind = "none";
  std::int32_t tokens = 4;    // drafted per sequence and step
  std::int32_t branches = 1;  // > 1: a tree with this many choices at each depth (greedy only)
  std::int64_t layers = 0;    // "layers"; 0: half of the target's
  float sigma = 0.1f;         // "noisy"
  std::string model;          // "model": preset or folder
};

struct EngineSpec {
  std::string model = "tiny";  // a preset's name (random weights), or a folder with config.json and safetensors
  std::uint64_t seed = 1;      // of random weights and of sampling
  kernels::DType weights = kernels::DType::bf16;
  kernels::DType kv = kernels::DType::bf16;
  float temperature = 0;
  DraftSpec draft;
  std::int64_t context = 2048;  // longest prompt + output
  BatcherSpec batcher;          // kv_blocks 0: room for 16 sequences of the whole context
  bool real_time = false;
};

/// bf16, int8, int4, fp8; UserError with the nearest name. `kv`: bf16, int8, fp8, f32.
kernels::DType weight_type(const std::string& name);
kernels::DType kv_type(const std::string& name);

/// A model, its memory and its drafter, ready to be driven by a batcher.
class Engine {
 public:
  /// UserError where the spec does not fit together; Infeasible, with the arithmetic, where the memory is too small.
  Engine(kernels::Backend& backend, const EngineSpec& spec);

  const EngineSpec& spec() const { return spec_; }  // with every default filled in
  Model& model() { return *model_; }
  /// An executor for one run; `record` must outlive it.
  std::unique_ptr<Executor> executor(PromptSource prompts, EngineRecord& record);

 private:
  void fill_defaults();
  void check_memory() const;
  Capacity capacity() const;
  std::unique_ptr<Drafter> make_drafter();

  kernels::Backend& backend_;
  EngineSpec spec_;
  ModelConfig config_;
  std::unique_ptr<WeightSource> source_;
  std::unique_ptr<Model> model_;
};

/// The config and weights that a model argument names.
ModelConfig load_config(const std::string& model);
std::unique_ptr<WeightSource> open_weights(const std::string& model, const ModelConfig& config, std::uint64_t seed);

}  // namespace tokenfab::engine
