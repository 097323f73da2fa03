// Parameter and KV-cache counts that follow from the dimensions, against the published ones.
#include "tests/catch.h"
#include "tests/unit/catalog_support.h"

using namespace tokenfab;
using tokenfab::test::shipped;

TEST_CASE("parameter counts equal the published totals to the digit") {
  const std::map<std::string, double> published = {{"llama-2-7b", 6738415616.0},       {"llama-2-70b", 68976648192.0},
                                                   {"llama-3.1-8b", 8030261248.0},     {"llama-3.1-70b", 70553706496.0},
                                                   {"mixtral-8x7b", 46702792704.0},    {"qwen3-32b", 32762123264.0},
                                                   {"llama-3.1-405b", 405853388800.0}, {"deepseek-v3", 671026419200.0},
                                                   {"llama-2-13b", 13015864320.0},     {"mistral-7b", 7241732096.0}};
  REQUIRE(shipped().ids("llms").size() == published.size());
  for (const auto& [id, total] : published) {
    CAPTURE(id);
    const Llm llm = shipped().llm(id);
    CHECK(count_parameters(llm).total == total);
    CHECK(llm.published_parameters.value == total);
  }
}

TEST_CASE("active parameters count top-k and shared experts and both embedding tables") {
  for (const char* dense : {"llama-2-7b", "llama-3.1-405b", "qwen3-32b"}) {
    const ParameterCount c = count_parameters(shipped().llm(dense));
    CHECK(c.active == c.total);
  }
  CHECK(count_parameters(shipped().llm("mixtral-8x7b")).active == 12879925248.0);  // card: 12.9 billion
  CHECK(count_parameters(shipped().llm("deepseek-v3")).active == 37552297472.0);   // card: 37 billion
}

TEST_CASE("the parts of a parameter count add up to its total") {
  for (const std::string& id : shipped().ids("llms")) {
    CAPTURE(id);
    const Llm m = shipped().llm(id);
    const ParameterCount c = count_parameters(m);
    const double moe_layers = m.moe ? m.layers - m.moe->first_dense_layers : 0;
    const double experts = m.moe ? m.moe->experts : 0;
    CHECK(c.qkv_per_layer + c.o_per_layer == c.attention_per_layer);
    CHECK(c.embedding + c.lm_head + m.layers * c.attention_per_layer + (m.layers - moe_layers) * c.dense_mlp_per_layer +
              moe_layers * (experts * c.expert + c.shared_per_moe_layer + c.router_per_moe_layer) + c.norms ==
          c.total);
  }
}

TEST_CASE("tied embeddings are counted once") {
  Llm m = shipped().llm("llama-3.1-8b");
  const double untied = count_parameters(m).total;
  m.tied_embeddings = true;
  const ParameterCount c = count_parameters(m);
  CHECK(c.lm_head == 0);
  CHECK(untied - c.total == 128256.0 * 4096);
}

TEST_CASE("KV cache per token in bf16") {
  const auto kib = [](const char* id) {
    const Llm m = shipped().llm(id);
    return kv_elements_per_token_layer(m) * m.layers * 2 / 1024;
  };
  CHECK(kib("llama-2-7b") == 512);
  CHECK(kib("llama-3.1-70b") == 320);
  CHECK(kib("qwen3-32b") == 256);
  CHECK(kib("deepseek-v3") == 68.625);  // one latent of 512 + 64 per layer
}
