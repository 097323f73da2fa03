// The whole engine on the CUDA backend, whose kernels run thread by thread on the CPU.
#include <cmath>

#include "kernels/emulator/emulated_backend.h"
#include "tests/catch.h"
#include "tests/engine/engine_fixture.h"

using namespace tokenfab;
using namespace tokenfab::engine;

namespace {

std::unique_ptr<kernels::Backend> deterministic() {
  auto backend = kernels::make_emulated_cuda_backend();
  backend->set_deterministic(true);
  return backend;
}

/// Logits of a short sequence, in one chunk.
std::vector<float> logits_on(kernels::Backend& backend, const ModelConfig& c, kernels::DType weights,
                             bool graphs = false) {
  const RandomWeights source(c, 3);
  engine::Capacity capacity;
  capacity.rows = capacity.outputs = capacity.context = 12;
  capacity.sequences = 1;
  capacity.pages = 1;
  Model model(backend, c, source, {weights, {}}, capacity);
  model.use_graphs(graphs);
  StepBatch batch(16);
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < 7; ++i) tokens.push_back(i * 61 + 5);
  batch.add(tokens, 0, {0}, StepBatch::Outputs::all);
  for (int repeat = 0; repeat < (graphs ? 2 : 1); ++repeat) model.forward(batch);
  const kernels::Tensor t = model.forward(batch);
  std::vector<float> host(static_cast<std::size_t>(t.rows * t.cols));
  backend.download(host.data(), t.data, host.size() * 4);
  return host;
}

ModelConfig wide(const char* name) {
  ModelConfig c = ModelConfig::preset(name);
  if (!c.latent()) c.head_dim = 64, c.q_heads = 4, c.kv_heads = 2;
  c.layers = 2;
  return c;
}

}  // namespace

TEST_CASE("logits of the CUDA kernels equal the CPU backend's within bf16 rounding") {
  const auto cuda = deterministic(), cpu = kernels::make_cpu_backend(1);
  for (const char* name : {"tiny", "tiny-moe", "tiny-mla"})
    for (const auto type : {kernels::DType::bf16, kernels::DType::i4, kernels::DType::i8, kernels::DType::e4m3}) {
      const ModelConfig c = wide(name);
      if (c.latent() && type != kernels::DType::bf16) continue;
      INFO(name << " " << kernels::name(type));
      const std::vector<float> a = logits_on(*cuda, c, type), b = logits_on(*cpu, c, type);
      double difference = 0, size = 0;
      for (std::size_t i = 0; i < a.size(); ++i) difference += std::pow(a[i] - b[i], 2), size += b[i] * b[i];
      // About ten bf16 roundings (2^-9 each) on the way to a logit, summed as independent errors, with a margin of 3.
      CHECK(std::sqrt(difference / size) < 3 * std::sqrt(10.0) * 0x1p-9);
      CHECK(difference > 0);
    }
}

TEST_CASE("recorded steps replay to the same bits") {
  const auto cuda = deterministic();
  const ModelConfig c = wide("tiny");
  CHECK(logits_on(*cuda, c, kernels::DType::bf16, true) == logits_on(*cuda, c, kernels::DType::bf16, false));
}

TEST_CASE("on the CUDA kernels, batching, sharing and speculation do not change a greedy token") {
  const auto cuda = deterministic();
  EngineSpec spec = tiny_spec("tiny-moe");
  spec.context = 64;
  spec.batcher.max_sequences = 4;
  spec.batcher.kv_blocks = 24;
  spec.batcher.prefix_cache = true;
  spec.draft.kind = "ngram";
  spec.draft.tokens = 2;
  const ReplayTrace trace = small_trace(5, 20, 6);
  EngineSpec single = alone(spec);
  single.batcher.token_budget = 64;
  single.batcher.max_sequences = 1;
  const Outputs expected = replay_with(*cuda, single, trace, 16).log.outputs;
  CHECK(replay_with(*cuda, spec, trace, 16).log.outputs == expected);
}
