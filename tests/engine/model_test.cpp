// The model graph against a double-precision reference written from the definitions, and its cache's invariances.
#include "engine/model.h"

#include <cmath>
#include <fstream>
#include <numeric>

#include "tests/catch.h"
#include "tests/engine/reference_model.h"

using namespace tokenfab;
using namespace tokenfab::engine;

namespace {

std::vector<std::int32_t> some_tokens(std::int64_t count, std::int64_t vocab) {
  std::vector<std::int32_t> t;
  for (std::int64_t i = 0; i < count; ++i) t.push_back(static_cast<std::int32_t>((i * 7919 + 31) % vocab));
  return t;
}

Capacity capacity(std::int64_t length, std::int32_t page, kernels::DType kv) {
  Capacity c;
  c.rows = c.outputs = c.context = length;
  c.sequences = 4;
  c.page_tokens = page;
  c.pages = 4 * ((length + page - 1) / page);
  c.kv = kv;
  return c;
}

std::vector<float> download(Model& model, const kernels::Tensor& t) {
  std::vector<float> host(static_cast<std::size_t>(t.rows * t.cols));
  model.backend().download(host.data(), t.data, host.size() * 4);
  return host;
}

/// Logits of a sequence that is fed in chunks, cached in the given pages.
std::vector<float> chunked(Model& model, const std::vector<std::int32_t>& tokens,
                           const std::vector<std::int32_t>& pages, std::int64_t chunk) {
  std::vector<float> all;
  for (std::int64_t at = 0; at < static_cast<std::int64_t>(tokens.size()); at += chunk) {
    StepBatch batch(model.capacity().page_tokens);
    const auto end = std::min<std::int64_t>(at + chunk, static_cast<std::int64_t>(tokens.size()));
    batch.add({tokens.begin() + at, tokens.begin() + end}, at, pages, StepBatch::Outputs::all);
    const std::vector<float> part = download(model, model.forward(batch));
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

/// Every third page, so that a table is no plain sequence.
std::vector<std::int32_t> some_pages(const Model& model) {
  std::vector<std::int32_t> pages;
  for (std::int64_t p = 0; p < model.capacity().pages / 4; ++p) pages.push_back(static_cast<std::int32_t>(3 * p));
  return pages;
}

std::vector<ModelConfig> variants() {
  std::vector<ModelConfig> all;
  for (const char* name : {"tiny", "tiny-moe", "tiny-mla"}) all.push_back(ModelConfig::preset(name));
  ModelConfig c = ModelConfig::preset("tiny");
  c.qk_norm = true, c.tied_embeddings = true, c.name = "qk norm, tied";
  all.push_back(c);
  c = ModelConfig::preset("tiny");
  c.rope_scaling = {8, 1, 4, 64}, c.kv_heads = 4, c.name = "llama3 scaling, MHA";
  all.push_back(c);
  c = ModelConfig::preset("tiny-moe");
  c.mixtral_names = true, c.name = "mixtral names";
  all.push_back(c);
  c = ModelConfig::preset("tiny-mla");
  c.experts = 6, c.top_k = 3, c.expert_intermediate = 64, c.shared_intermediate = 96, c.dense_layers = 1;
  c.renormalize = false, c.name = "latent, shared and routed experts, dense first layer";
  all.push_back(c);
  return all;
}

}  // namespace

TEST_CASE("logits equal the double-precision reference within f32 rounding") {
  const auto backend = kernels::make_cpu_backend(2);
  for (const ModelConfig& c : variants()) {
    INFO(c.name);
    const RandomWeights weights(c, 3);
    const std::vector<std::int32_t> tokens = some_tokens(37, c.vocab);
    Model model(*backend, c, weights, {}, capacity(37, 16, kernels::DType::f32));
    const std::vector<float> got = chunked(model, tokens, some_pages(model), 37);
    const std::vector<double> want = reference_logits(c, weights, tokens);
    REQUIRE(got.size() == want.size());
    // Sums of up to 256 f32 terms of unit size, a few layers deep: some 1e-6 each; logits spread by 4.
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::fabs(got[i] - want[i]));
    CHECK(worst < 1e-4);
    CHECK(worst > 0);  // the reference is not the same code
  }
}

TEST_CASE("chunks, page sizes and page order do not change a bit of the logits") {
  const auto backend = kernels::make_cpu_backend(2);
  for (const char* name : {"tiny", "tiny-moe", "tiny-mla"}) {
    const ModelConfig c = ModelConfig::preset(name);
    const RandomWeights weights(c, 3);
    const std::vector<std::int32_t> tokens = some_tokens(45, c.vocab);
    Model whole(*backend, c, weights, {}, capacity(45, 45, kernels::DType::bf16));  // one page: contiguous
    const std::vector<float> want = chunked(whole, tokens, {0}, 45);
    for (const std::int32_t page : {1, 16, 64}) {
      Model paged(*backend, c, weights, {}, capacity(45, page, kernels::DType::bf16));
      std::vector<std::int32_t> pages = some_pages(paged);
      std::reverse(pages.begin(), pages.end());
      INFO(name << ", page " << page);
      CHECK(chunked(paged, tokens, pages, 45) == want);
      CHECK(chunked(paged, tokens, pages, 7) == want);
      CHECK(chunked(paged, tokens, pages, 1) == want);
    }
  }
}

TEST_CASE("a path of a draft tree has, bit for bit, the logits of the same tokens in a chain") {
  const auto backend = kernels::make_cpu_backend(2);
  const ModelConfig c = ModelConfig::preset("tiny");
  const RandomWeights weights(c, 3);
  Model model(*backend, c, weights, {}, capacity(64, 16, kernels::DType::bf16));
  const std::vector<std::int32_t> prompt = some_tokens(21, c.vocab), pages = some_pages(model);
  // root 5; children 6 and 7; 6 has 8 and 9; 7 has 10.
  const std::vector<std::int32_t> nodes{5, 6, 7, 8, 9, 10}, parent{-1, 0, 0, 1, 1, 2};
  chunked(model, prompt, pages, 64);
  StepBatch tree(16);
  tree.add_tree(nodes, parent, 21, pages);
  const std::vector<float> got = download(model, model.forward(tree));
  for (const std::vector<std::size_t>& path : std::vector<std::vector<std::size_t>>{{0, 1, 3}, {0, 1, 4}, {0, 2, 5}}) {
    std::vector<std::int32_t> tokens = prompt;
    for (const std::size_t node : path) tokens.push_back(nodes[node]);
    const std::vector<float> chain = chunked(model, tokens, pages, 64);
    for (std::size_t depth = 0; depth < path.size(); ++depth) {
      const auto width = static_cast<std::ptrdiff_t>(c.vocab);
      const auto a = got.begin() + static_cast<std::ptrdiff_t>(path[depth]) * width;
      CHECK(std::equal(a, a + width, chain.begin() + (21 + static_cast<std::ptrdiff_t>(depth)) * width));
    }
  }
}

TEST_CASE("recorded steps give the same bits as steps run directly") {
  const auto backend = kernels::make_cpu_backend(2);
  const ModelConfig c = ModelConfig::preset("tiny");
  const RandomWeights weights(c, 3);
  Model direct(*backend, c, weights, {}, capacity(40, 16, kernels::DType::bf16));
  Model recorded(*backend, c, weights, {}, capacity(40, 16, kernels::DType::bf16));
  recorded.use_graphs(true);
  const std::vector<std::int32_t> tokens = some_tokens(40, c.vocab);
  CHECK(chunked(recorded, tokens, some_pages(recorded), 1) == chunked(direct, tokens, some_pages(direct), 1));
}

TEST_CASE("presets have their published parameter counts") {
  // Meta: 8.03 B and 70.6 B; Mistral AI: 46.7 B (12.9 B active); Qwen: 30.5 B (3.3 B active); DeepSeek: 15.7 B.
  CHECK(ModelConfig::preset("llama-3-8b").parameters() == 8030261248);
  CHECK(ModelConfig::preset("llama-3-70b").parameters() == 70553706496);
  CHECK(ModelConfig::preset("mixtral-8x7b").parameters() == 46702792704);
  CHECK(static_cast<double>(ModelConfig::preset("qwen3-30b-a3b").parameters()) == Approx(30.5e9).epsilon(0.005));
  CHECK(static_cast<double>(ModelConfig::preset("deepseek-v2-lite").parameters()) == Approx(15.7e9).epsilon(0.005));
  const double small = static_cast<double>(ModelConfig::preset("llama-100m").parameters());
  CHECK(small > 90e6);
  CHECK(small < 150e6);
}
