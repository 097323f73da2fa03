#include "engine/model_config.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json_object.h"
#include "base/text.h"

namespace tokenfab::engine {
namespace {

ModelConfig dense(std::int64_t layers, std::int64_t hidden, std::int64_t q_heads, std::int64_t kv_heads,
                  std::int64_t head_dim, std::int64_t intermediate, std::int64_t vocab, double theta) {
  ModelConfig c;
  c.layers = layers, c.hidden = hidden, c.q_heads = q_heads, c.kv_heads = kv_heads, c.head_dim = head_dim;
  c.intermediate = intermediate, c.vocab = vocab, c.rope_theta = theta;
  return c;
}

ModelConfig routed(ModelConfig c, std::int64_t experts, std::int64_t top_k, std::int64_t intermediate) {
  c.experts = experts, c.top_k = top_k, c.expert_intermediate = intermediate;
  return c;
}

ModelConfig latent(ModelConfig c, std::int64_t kv_lora, std::int64_t nope, std::int64_t rope, std::int64_t value) {
  c.kv_lora = kv_lora, c.nope_dim = nope, c.rope_dim = rope, c.value_dim = value;
  c.head_dim = nope + rope;
  return c;
}

/// Shapes: the published config.json of each model; "tiny" ones and llama-100m are ours.
std::map<std::string, ModelConfig> make_presets() {
  std::map<std::string, ModelConfig> all;
  all["tiny"] = dense(4, 128, 4, 2, 32, 256, 512, 10000);
  all["tiny-moe"] = routed(dense(3, 128, 4, 2, 32, 256, 512, 10000), 8, 2, 128);
  all["tiny-mla"] = latent(dense(3, 128, 4, 4, 48, 256, 512, 10000), 64, 32, 16, 32);
  all["llama-100m"] = dense(12, 768, 12, 4, 64, 2048, 16384, 10000);
  all["llama-3-8b"] = dense(32, 4096, 32, 8, 128, 14336, 128256, 500000);
  all["llama-3-70b"] = dense(80, 8192, 64, 8, 128, 28672, 128256, 500000);
  all["mixtral-8x7b"] = routed(dense(32, 4096, 32, 8, 128, 14336, 32000, 1e6), 8, 2, 14336);
  ModelConfig qwen = routed(dense(48, 2048, 32, 4, 128, 6144, 151936, 1e6), 128, 8, 768);
  qwen.qk_norm = true;
  all["qwen3-30b-a3b"] = qwen;
  ModelConfig lite = latent(dense(27, 2048, 16, 16, 192, 10944, 102400, 10000), 512, 128, 64, 128);
  lite = routed(lite, 64, 6, 1408);
  lite.shared_intermediate = 2816, lite.dense_layers = 1, lite.renormalize = false, lite.norm_eps = 1e-6f;
  all["deepseek-v2-lite"] = lite;
  for (auto& [name, config] : all) config.name = name;
  return all;
}

const std::map<std::string, ModelConfig>& all_presets() {
  static const std::map<std::string, ModelConfig> all = make_presets();
  return all;
}

std::int64_t attention_parameters(const ModelConfig& c) {
  if (c.latent())
    return c.hidden * c.q_heads * c.head_dim + c.hidden * (c.kv_lora + c.rope_dim) + c.kv_lora +
           c.kv_lora * c.q_heads * (c.nope_dim + c.value_dim) + c.q_heads * c.value_dim * c.hidden;
  return c.hidden * c.head_dim * (2 * c.q_heads + 2 * c.kv_heads) + (c.qk_norm ? 2 * c.head_dim : 0);
}

std::int64_t layer_parameters(const ModelConfig& c, std::int64_t layer, std::int64_t experts_counted) {
  const std::int64_t common = attention_parameters(c) + 2 * c.hidden;
  if (!c.routed(layer)) return common + 3 * c.hidden * c.intermediate;
  return common + c.hidden * c.experts +
         3 * c.hidden * (experts_counted * c.expert_intermediate + c.shared_intermediate);
}

constexpr std::int64_t kMost = std::int64_t{1} << 31;

void read_rope(const JsonObject& json, ModelConfig& c) {
  c.rope_theta = json.number("rope_theta", 10000);
  if (!json.has("rope_scaling") || json.raw("rope_scaling").is_null()) return;
  const JsonObject s = json.object("rope_scaling");
  const std::string type = s.string("rope_type", s.string("type", "default"));
  if (type == "default") return;
  if (type != "llama3") s.fail("rope_type", "\"" + type + "\" is not supported; allowed: default, llama3");
  c.rope_scaling = {s.number("factor"), s.number("low_freq_factor"), s.number("high_freq_factor"),
                    s.integer("original_max_position_embeddings", 1, kMost)};
}

void read_experts(const JsonObject& json, ModelConfig& c) {
  const std::string count = json.has("num_local_experts")  ? "num_local_experts"
                            : json.has("n_routed_experts") ? "n_routed_experts"
                                                           : "num_experts";
  if (!json.has(count) || json.raw(count).is_null()) return;
  c.experts = json.integer(count, 1, 4096);
  c.top_k = json.integer("num_experts_per_tok", 1, c.experts);
  c.expert_intermediate = json.integer("moe_intermediate_size", 1, kMost, c.intermediate);
  c.renormalize = json.boolean("norm_topk_prob", true);
  c.dense_layers = json.integer("first_k_dense_replace", 0, c.layers, 0);
  const std::int64_t shared = json.has("n_shared_experts") && !json.raw("n_shared_experts").is_null()
                                  ? json.integer("n_shared_experts", 0, 64)
                                  : 0;
  c.shared_intermediate = shared * c.expert_intermediate;
  if (json.integer("n_group", 0, 64, 1) > 1) json.fail("n_group", "expert groups are not supported");
  if (json.number("routed_scaling_factor", 1.0) != 1.0) json.fail("routed_scaling_factor", "only 1 is supported");
}

void read_latent(const JsonObject& json, ModelConfig& c) {
  if (!json.has("kv_lora_rank")) return;
  if (json.has("q_lora_rank") && !json.raw("q_lora_rank").is_null())
    json.fail("q_lora_rank", "compressed queries are not supported; only null");
  c = latent(c, json.integer("kv_lora_rank", 16, 65536), json.integer("qk_nope_head_dim", 1, 65536),
             json.integer("qk_rope_head_dim", 2, 1024), json.integer("v_head_dim", 1, 65536));
}

void refuse_unsupported(const JsonObject& json) {
  static const std::vector<std::string> known = {"llama", "mistral", "mixtral", "qwen3", "qwen3_moe", "deepseek_v2"};
  const std::string type = json.string("model_type");
  bool found = false;
  for (const std::string& k : known) found = found || k == type;
  if (!found)
    json.fail("model_type",
              "\"" + type + "\" is not supported; allowed: " + join_names(known) + nearest_hint(type, known));
  if (json.boolean("attention_bias", false) || json.boolean("mlp_bias", false))
    json.fail("attention_bias", "biases are not supported");
  const std::string act = json.string("hidden_act", "silu");
  if (act != "silu") json.fail("hidden_act", "\"" + act + "\" is not supported; allowed: silu");
}

}  // namespace

std::int64_t ModelConfig::parameters() const {
  std::int64_t sum = vocab * hidden * (tied_embeddings ? 1 : 2) + hidden;
  for (std::int64_t l = 0; l < layers; ++l) sum += layer_parameters(*this, l, experts);
  return sum;
}

std::int64_t ModelConfig::active_parameters() const {
  std::int64_t sum = vocab * hidden + hidden;
  for (std::int64_t l = 0; l < layers; ++l) sum += layer_parameters(*this, l, top_k);
  return sum;
}

std::vector<float> ModelConfig::inverse_frequencies() const {
  const std::int64_t rotated = latent() ? rope_dim : head_dim;
  std::vector<float> out;
  for (std::int64_t i = 0; i < rotated / 2; ++i) {
    double f = std::pow(rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(rotated));
    if (rope_scaling.original_context > 0) {
      constexpr double kTwoPi = 6.283185307179586;
      const double turns = static_cast<double>(rope_scaling.original_context) * f / kTwoPi;
      double keep = (turns - rope_scaling.low) / (rope_scaling.high - rope_scaling.low);
      keep = keep < 0 ? 0 : keep > 1 ? 1 : keep;
      f = keep * f + (1 - keep) * f / rope_scaling.factor;
    }
    out.push_back(static_cast<float>(f));
  }
  return out;
}

ModelConfig ModelConfig::preset(const std::string& name) {
  const auto it = all_presets().find(name);
  if (it == all_presets().end())
    throw UserError("model \"" + name + "\" is not known; allowed: " + join_names(presets()) +
                    ", or a folder with config.json and safetensors" + nearest_hint(name, presets()));
  return it->second;
}

std::vector<std::string> ModelConfig::presets() {
  std::vector<std::string> names;
  for (const auto& [name, config] : all_presets()) names.push_back(name);
  return names;
}

ModelConfig ModelConfig::from_file(const std::string& path) { return from_text(read_file(path, kMostJsonBytes), path); }

ModelConfig ModelConfig::from_text(std::string_view bytes, const std::string& path) {
  const nlohmann::json text = parse_json_text(bytes, path);
  const JsonObject json(text, path);
  refuse_unsupported(json);
  ModelConfig c;
  c.name = path;
  c.layers = json.integer("num_hidden_layers", 1, 4096);
  c.hidden = json.integer("hidden_size", 16, kMost);
  c.q_heads = json.integer("num_attention_heads", 1, 4096);
  c.kv_heads = json.integer("num_key_value_heads", 1, c.q_heads, c.q_heads);
  c.head_dim = json.has("head_dim") && !json.raw("head_dim").is_null() ? json.integer("head_dim", 2, 1024)
                                                                       : c.hidden / c.q_heads;
  c.intermediate = json.integer("intermediate_size", 1, kMost);
  c.vocab = json.integer("vocab_size", 2, kMost);
  c.norm_eps = static_cast<float>(json.number("rms_norm_eps", 1e-6));
  c.tied_embeddings = json.boolean("tie_word_embeddings", false);
  c.qk_norm = json.string("model_type").rfind("qwen3", 0) == 0;
  c.mixtral_names = json.string("model_type") == "mixtral";
  if (c.q_heads % c.kv_heads != 0) json.fail("num_key_value_heads", "does not divide num_attention_heads");
  read_rope(json, c);
  read_experts(json, c);
  read_latent(json, c);
  return c;
}

}  // namespace tokenfab::engine
