// Parameter and KV-cache counts that follow from the dimensions, against the published ones.
#include "tests/catch.h"
#include "tests/unit/catalog_support.h"

using namespace tokenfab;
using tokenfab::test::shipped;

TEST_CASE("parameter counts equal the published totals to the digit") {
  const std::map<std::string, double> published = {
      {"bloom-176b", 176247271424.0},      {"deepseek-r1", 671026419200.0},   {"deepseek-v2-lite", 15706484224.0},
      {"deepseek-v2", 235741434880.0},     {"deepseek-v3", 671026419200.0},   {"gemma-2-27b", 27227128320.0},
      {"gemma-2-9b", 9241705984.0},        {"gemma-3-1b", 999885952.0},       {"gemma-3-27b", 27009346304.0},
      {"gpt-oss-120b", 116829156672.0},    {"gpt-oss-20b", 20914757184.0},    {"llama-2-13b", 13015864320.0},
      {"llama-2-70b", 68976648192.0},      {"llama-2-7b", 6738415616.0},      {"llama-3-8b", 8030261248.0},
      {"llama-3-70b", 70553706496.0},      {"mistral-7b-v0.3", 7248023552.0}, {"llama-3.1-405b", 405853388800.0},
      {"llama-3.1-70b", 70553706496.0},    {"llama-3.1-8b", 8030261248.0},    {"llama-3.2-1b", 1235814400.0},
      {"llama-3.2-3b", 3212749824.0},      {"llama-3.3-70b", 70553706496.0},  {"mistral-7b", 7241732096.0},
      {"mistral-7b-v0.2", 7241732096.0},   {"mixtral-8x22b", 140620634112.0}, {"mixtral-8x7b", 46702792704.0},
      {"phi-3-mini", 3821079552.0},        {"qwen2.5-72b", 72706203648.0},    {"qwen2.5-7b", 7615616512.0},
      {"qwen3-235b-a22b", 235093634560.0}, {"qwen3-30b-a3b", 30532122624.0},  {"qwen3-32b", 32762123264.0},
      {"qwen3-8b", 8190735360.0},          {"tinyllama-1.1b", 1100048384.0}};
  const std::map<std::string, double> rounded = {{"gpt-3-175b", 174604259328.0}, {"opt-175b", 174604468224.0}};
  CHECK(shipped().ids("llms").size() == published.size() + rounded.size());
  for (const auto& [id, total] : published) {
    CAPTURE(id);
    const Llm llm = shipped().llm(id);
    CHECK(count_parameters(llm).total == total);
    CHECK(llm.published_parameters.value == total);
  }
  for (const auto& [id, total] : rounded) {
    CAPTURE(id);
    CHECK(count_parameters(shipped().llm(id)).total == total);
    CHECK(shipped().llm(id).published_parameters.value == 175e9);
  }
}

TEST_CASE("active parameters count top-k and shared experts and both embedding tables") {
  for (const char* dense : {"llama-2-7b", "llama-3.1-405b", "qwen3-32b"}) {
    const ParameterCount c = count_parameters(shipped().llm(dense));
    CHECK(c.active == c.total);
  }
  CHECK(count_parameters(shipped().llm("mixtral-8x7b")).active == 12879925248.0);     // card: 12.9 billion
  CHECK(count_parameters(shipped().llm("deepseek-v3")).active == 37552297472.0);      // card: 37 billion
  CHECK(count_parameters(shipped().llm("qwen3-235b-a22b")).active == 22190763520.0);  // card: 22 billion
  const ParameterCount oss =
      count_parameters(shipped().llm("gpt-oss-120b"));  // report: 5.13 billion without input table
  CHECK(oss.active - oss.embedding == 5132849472.0);
}

TEST_CASE("the parts of a parameter count add up to its total") {
  for (const std::string& id : shipped().ids("llms")) {
    CAPTURE(id);
    const Llm m = shipped().llm(id);
    const ParameterCount c = count_parameters(m);
    const double moe_layers = m.moe ? m.layers - m.moe->first_dense_layers : 0;
    const double experts = m.moe ? m.moe->experts : 0;
    CHECK(c.qkv_per_layer + c.o_per_layer == c.attention_per_layer);
    CHECK(c.embedding + c.lm_head + c.positions + m.layers * c.attention_per_layer +
              (m.layers - moe_layers) * c.dense_mlp_per_layer +
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

TEST_CASE("a multi-token-prediction module comes on top of the total") {
  const Llm m = shipped().llm("deepseek-v3");
  const ParameterCount c = count_parameters(m);
  CHECK(count_parameters(shipped().llm("deepseek-r1")).mtp_layer == c.mtp_layer);
  CHECK(count_parameters(shipped().llm("mixtral-8x7b")).mtp_layer == 0);
  Llm deeper = m;
  ++deeper.layers;  // the module is one more layer, a projection of twice the hidden size and three norms
  CHECK(c.mtp_layer == count_parameters(deeper).total - c.total + 2 * 7168.0 * 7168 + 3 * 7168);
  // The checkpoint repeats both tables in the module and is published as 685 billion.
  CHECK(c.total + c.mtp_layer + c.embedding + c.lm_head == Approx(685e9).epsilon(1e-3));
}

TEST_CASE("KV cache per token in bf16") {
  const auto kib = [](const char* id) {
    const Llm m = shipped().llm(id);
    return kv_elements_per_token_layer(m) * m.layers * 2 / 1024;
  };
  CHECK(kib("llama-2-7b") == 512);
  CHECK(kib("llama-2-13b") == 800);
  CHECK(kib("llama-3.1-70b") == 320);
  CHECK(kib("qwen3-32b") == 256);
  CHECK(kib("qwen3-235b-a22b") == 188);
  CHECK(kib("gpt-oss-120b") == 72);     // before windows
  CHECK(kib("deepseek-v3") == 68.625);  // one latent of 512 + 64 per layer
}

TEST_CASE("windows leave the published share of the KV cache to grow") {
  struct Case {
    const char* id;
    double growing_bytes, window_bytes;  // per token in layers that attend to everything; at most in the others
  };
  for (const Case& c : {Case{"gpt-oss-20b", 24576, 3145728}, Case{"mistral-7b", 0, 4096 * 131072.0},
                        Case{"gemma-2-27b", 376832 / 2.0, 4096 * 376832 / 2.0}}) {
    CAPTURE(c.id);
    const Llm m = shipped().llm(c.id);
    const double layer_bytes = 2 * kv_elements_per_token_layer(m);
    CHECK(layer_bytes * (m.layers - m.window->layers) == c.growing_bytes);
    CHECK(layer_bytes * m.window->layers * m.window->tokens == c.window_bytes);
  }
  CHECK(shipped().llm("gemma-3-27b").window->layers == 52);  // full attention in every sixth of 62 layers
  CHECK_FALSE(shipped().llm("llama-3.1-8b").window);
}

TEST_CASE("an image encoder stands beside the language model") {
  const Llm m = shipped().llm("gemma-3-27b");
  REQUIRE(m.encoder);
  CHECK(m.encoder->tokens_per_image.value == 256);
  CHECK(m.encoder->patches_per_image.value == (896.0 / 14) * (896.0 / 14));
  CHECK(m.encoder->parameters.value == 417e6);
  CHECK(count_parameters(m).total == 27009346304.0);
}
