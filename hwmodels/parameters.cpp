// Parameter counts from the dimensions.
#include "hwmodels/types.h"

namespace tokenfab {
namespace {

struct Attention {
  double qkv, o, vectors;  // per layer; vectors: norms of queries and keys, sinks
};

Attention grouped_attention(const Llm& m) {
  const double hidden = m.hidden, head = m.head_dim, heads = m.heads;
  const double qkv_outputs = head * (heads + 2.0 * m.kv_heads);
  return {qkv_outputs * (hidden + (m.qkv_bias ? 1 : 0)), heads * head * hidden + (m.o_bias ? hidden : 0),
          (m.qk_norm ? 2 * head : 0) + (m.attention_sinks ? heads : 0)};
}

/// DeepSeek-V2 multi-head latent attention: low-rank q (optional), one shared KV latent, decoupled rotary key.
Attention latent_attention(const Llm& m) {
  const MlaShape& a = *m.mla;
  const double hidden = m.hidden, heads = m.heads, qk = a.qk_nope_head_dim + a.qk_rope_head_dim;
  const double q = a.q_lora_rank > 0 ? a.q_lora_rank * (hidden + heads * qk) : hidden * heads * qk;
  const double kv =
      hidden * (a.kv_lora_rank + a.qk_rope_head_dim) + a.kv_lora_rank * heads * (a.qk_nope_head_dim + a.v_head_dim);
  return {q + kv, heads * a.v_head_dim * hidden, static_cast<double>(a.q_lora_rank + a.kv_lora_rank)};
}

double mlp(const Llm& m, double ffn) {
  const double up = m.gated_mlp ? 2 : 1, hidden = m.hidden;
  return (up + 1) * hidden * ffn + (m.mlp_bias ? up * ffn + hidden : 0);
}

/// A layer like the last one behind a projection of [hidden state, next token's embedding], with a norm of each and one
/// before the head.
double mtp_module(const Llm& m, const ParameterCount& c, double layer_vectors) {
  const double hidden = m.hidden;
  const double mlp_params =
      m.moe ? m.moe->experts * c.expert + c.shared_per_moe_layer + c.router_per_moe_layer : c.dense_mlp_per_layer;
  return c.attention_per_layer + mlp_params + layer_vectors + 2 * hidden * hidden + 3 * hidden;
}

}  // namespace

ParameterCount count_parameters(const Llm& m) {
  const double hidden = m.hidden, layers = m.layers, norm = hidden * (m.norm_bias ? 2 : 1);
  const double moe_layers = m.moe ? layers - m.moe->first_dense_layers : 0, dense_layers = layers - moe_layers;
  const Attention attention = m.mla ? latent_attention(m) : grouped_attention(m);
  const double layer_vectors = (m.extra_norms ? 4 : 2) * norm + attention.vectors;

  ParameterCount c;
  c.embedding = m.vocab * hidden;
  c.lm_head = m.tied_embeddings ? 0 : c.embedding;
  c.positions = m.learned_positions * hidden;
  c.qkv_per_layer = attention.qkv;
  c.o_per_layer = attention.o;
  c.attention_per_layer = attention.qkv + attention.o;
  c.dense_mlp_per_layer = dense_layers > 0 ? mlp(m, m.ffn) : 0;
  c.norms = layers * layer_vectors + (m.embedding_norm ? 2 : 1) * norm;
  double experts = 0, used_experts = 0;
  if (m.moe) {
    c.expert = mlp(m, m.moe->expert_ffn);
    c.shared_per_moe_layer = m.moe->shared_experts * c.expert;
    c.router_per_moe_layer = m.moe->experts * (hidden + (m.moe->router_bias ? 1 : 0));
    experts = moe_layers * m.moe->experts * c.expert;
    used_experts = moe_layers * m.moe->top_k * c.expert;
  }
  const double shared = c.embedding + c.lm_head + c.positions + layers * c.attention_per_layer +
                        dense_layers * c.dense_mlp_per_layer +
                        moe_layers * (c.shared_per_moe_layer + c.router_per_moe_layer) + c.norms;
  c.total = shared + experts;
  c.active = shared + used_experts;
  if (m.mtp_layers > 0) c.mtp_layer = mtp_module(m, c, layer_vectors);
  return c;
}

double kv_elements_per_token_layer(const Llm& m) {
  if (m.mla) return m.mla->kv_lora_rank + m.mla->qk_rope_head_dim;
  return 2.0 * m.kv_heads * m.head_dim;
}

}  // namespace tokenfab
