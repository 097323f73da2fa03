#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tokenfab::engine {

/// Llama 3's stretching of low RoPE frequencies (config.json "rope_scaling" of type "llama3").
struct RopeScaling {
  double factor = 1, low = 1, high = 4;
  std::int64_t original_context = 0;  // 0: no scaling
};

/// The shape of a decoder-only transformer: Llama family (MHA, GQA), with routed experts (Mixtral, Qwen-MoE), or with
/// multi-head latent attention (DeepSeek-V2-Lite).
struct ModelConfig {
  std::string name;
  std::int64_t layers = 0, hidden = 0, q_heads = 0, kv_heads = 0, head_dim = 0, intermediate = 0, vocab = 0;
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  float norm_eps = 1e-5f;
  bool tied_embeddings = false;
  bool qk_norm = false;  // RMS norm per head before RoPE (Qwen3)

  // Mixture of experts; experts == 0: dense.
  std::int64_t experts = 0, top_k = 0, expert_intermediate = 0, shared_intermediate = 0;
  std::int64_t dense_layers = 0;  // first layers that have no experts
  bool renormalize = true;
  bool mixtral_names = false;  // experts stored as block_sparse_moe.experts.N.w1 / w2 / w3

  // Latent attention; kv_lora == 0: none. head_dim is then nope_dim + rope_dim.
  std::int64_t kv_lora = 0, nope_dim = 0, rope_dim = 0, value_dim = 0;

  bool latent() const { return kv_lora > 0; }
  bool routed(std::int64_t layer) const { return experts > 0 && layer >= dense_layers; }
  /// What a token's entry in one layer's cache holds: key and value numbers per KV head.
  std::int64_t cache_heads() const { return latent() ? 1 : kv_heads; }
  std::int64_t cache_key_dim() const { return latent() ? kv_lora + rope_dim : head_dim; }
  std::int64_t cache_value_dim() const { return latent() ? kv_lora : head_dim; }

  std::int64_t parameters() const;
  /// Weights that one decode step of one token reads: all but the embedding table and the experts not chosen.
  std::int64_t active_parameters() const;
  std::vector<float> inverse_frequencies() const;  // [rotated dimensions / 2]

  /// A shape by name; UserError with the nearest name.
  static ModelConfig preset(const std::string& name);
  static std::vector<std::string> presets();
  /// A Hugging Face config.json. UserError where an architecture or option is not supported.
  static ModelConfig from_file(const std::string& path);
  static ModelConfig from_text(std::string_view text, const std::string& name);
};

}  // namespace tokenfab::engine
