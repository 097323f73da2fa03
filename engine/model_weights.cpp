#include "engine/model_weights.h"

#include <cstring>

namespace tokenfab::engine {
namespace {

using kernels::bf16;
using kernels::Weight;

struct Part {
  std::string name;
  std::int64_t rows;
};

class Loader {
 public:
  Loader(kernels::Backend& backend, const ModelConfig& config, const WeightSource& source, const WeightFormat& format,
         const WeightVisitor& visit)
      : backend_(backend), c_(config), source_(source), format_(format), visit_(visit) {}

  ModelWeights load(std::int64_t layers) {
    ModelWeights w;
    w.embedding = plain("model.embed_tokens.weight", c_.vocab, c_.hidden);
    w.head = c_.tied_embeddings ? w.embedding : plain("lm_head.weight", c_.vocab, c_.hidden);
    w.final_norm = vector("model.norm.weight", c_.hidden);
    for (std::int64_t l = 0; l < (layers < 0 ? c_.layers : layers); ++l) w.layers.push_back(layer(l));
    w.bytes = bytes_;
    return w;
  }

 private:
  LayerWeights layer(std::int64_t index) {
    prefix_ = "model.layers." + std::to_string(index) + ".";
    LayerWeights l;
    l.input_norm = vector(prefix_ + "input_layernorm.weight", c_.hidden);
    l.post_norm = vector(prefix_ + "post_attention_layernorm.weight", c_.hidden);
    if (c_.latent()) latent_attention(l);
    else attention(l);
    if (c_.routed(index)) experts(l);
    else mlp(l, prefix_ + "mlp.", c_.intermediate);
    return l;
  }

  void attention(LayerWeights& l) {
    const std::string a = prefix_ + "self_attn.";
    const std::int64_t q = c_.q_heads * c_.head_dim, kv = c_.kv_heads * c_.head_dim;
    l.qkv = projection({{a + "q_proj.weight", q}, {a + "k_proj.weight", kv}, {a + "v_proj.weight", kv}}, c_.hidden);
    l.out = projection({{a + "o_proj.weight", c_.hidden}}, q);
    if (!c_.qk_norm) return;
    l.q_norm = vector(a + "q_norm.weight", c_.head_dim);
    l.k_norm = vector(a + "k_norm.weight", c_.head_dim);
  }

  void latent_attention(LayerWeights& l) {
    const std::string a = prefix_ + "self_attn.";
    l.q = projection({{a + "q_proj.weight", c_.q_heads * c_.head_dim}}, c_.hidden);
    l.kv_down = projection({{a + "kv_a_proj_with_mqa.weight", c_.kv_lora + c_.rope_dim}}, c_.hidden);
    l.kv_norm = vector(a + "kv_a_layernorm.weight", c_.kv_lora);
    l.out = projection({{a + "o_proj.weight", c_.hidden}}, c_.q_heads * c_.value_dim);
    const std::int64_t head = c_.nope_dim + c_.value_dim;
    const std::vector<bf16> up = source_.tensor(a + "kv_b_proj.weight", c_.q_heads * head, c_.kv_lora);
    for (std::int64_t h = 0; h < c_.q_heads; ++h) {
      std::vector<bf16> key(static_cast<std::size_t>(c_.kv_lora * c_.nope_dim));
      for (std::int64_t i = 0; i < c_.nope_dim; ++i)
        for (std::int64_t j = 0; j < c_.kv_lora; ++j)
          key[static_cast<std::size_t>(j * c_.nope_dim + i)] =
              up[static_cast<std::size_t>((h * head + i) * c_.kv_lora + j)];
      const auto values = up.begin() + (h * head + c_.nope_dim) * c_.kv_lora;
      l.key_up.push_back(store(as_matrix(key, c_.kv_lora, c_.nope_dim)));
      l.value_up.push_back(store(as_matrix({values, values + c_.value_dim * c_.kv_lora}, c_.value_dim, c_.kv_lora)));
    }
  }

  void mlp(LayerWeights& l, const std::string& at, std::int64_t width) {
    l.gate_up = projection({{at + "gate_proj.weight", width}, {at + "up_proj.weight", width}}, c_.hidden);
    l.down = projection({{at + "down_proj.weight", c_.hidden}}, width);
  }

  void experts(LayerWeights& l) {
    const bool mixtral = c_.mixtral_names;
    const std::string at = prefix_ + (mixtral ? "block_sparse_moe." : "mlp.");
    l.router = plain(at + "gate.weight", c_.experts, c_.hidden);
    std::vector<HostMatrix> gate_up, down;
    for (std::int64_t e = 0; e < c_.experts; ++e) {
      const std::string x = at + "experts." + std::to_string(e) + ".";
      const std::int64_t width = c_.expert_intermediate;
      gate_up.push_back(quantized({{x + (mixtral ? "w1.weight" : "gate_proj.weight"), width},
                                   {x + (mixtral ? "w3.weight" : "up_proj.weight"), width}},
                                  c_.hidden));
      down.push_back(quantized({{x + (mixtral ? "w2.weight" : "down_proj.weight"), c_.hidden}}, width));
    }
    l.expert_gate_up = store_together(gate_up);
    l.expert_down = store_together(down);
    if (c_.shared_intermediate > 0) mlp(l, at + "shared_experts.", c_.shared_intermediate);
  }

  HostMatrix fused(const std::vector<Part>& parts, std::int64_t k) const {
    std::int64_t rows = 0;
    std::vector<bf16> all;
    for (const Part& part : parts) {
      const std::vector<bf16> one = source_.tensor(part.name, part.rows, k);
      all.insert(all.end(), one.begin(), one.end());
      rows += part.rows;
    }
    return as_matrix(all, rows, k);
  }

  HostMatrix quantized(const std::vector<Part>& parts, std::int64_t k) const {
    const HostMatrix full = fused(parts, k);
    HostMatrix q = format_.quantizer ? format_.quantizer(parts[0].name, full) : quantize(full, format_.type);
    if (visit_) visit_(parts[0].name, full, q);
    return q;
  }

  Weight projection(const std::vector<Part>& parts, std::int64_t k) { return store(quantized(parts, k)); }
  Weight plain(const std::string& name, std::int64_t n, std::int64_t k) {
    return store(as_matrix(source_.tensor(name, n, k), n, k));
  }
  const bf16* vector(const std::string& name, std::int64_t n) {
    return static_cast<const bf16*>(store(as_matrix(source_.tensor(name, n, 1), 1, n)).data);
  }
  Weight store(const HostMatrix& m) {
    bytes_ += m.view().bytes();
    return backend_.load(m.view());
  }

  std::vector<Weight> store_together(const std::vector<HostMatrix>& all) {
    HostMatrix joined{all[0].type, all[0].n, all[0].k, {}, {}};
    for (const HostMatrix& m : all) {
      joined.data.insert(joined.data.end(), m.data.begin(), m.data.end());
      joined.scales.insert(joined.scales.end(), m.scales.begin(), m.scales.end());
      bytes_ += m.view().bytes();
    }
    const Weight loaded = backend_.load(joined.view(), static_cast<int>(all.size()));
    std::vector<Weight> parts;
    for (std::size_t i = 0; i < all.size(); ++i) parts.push_back(backend_.part(loaded, static_cast<int>(i)));
    return parts;
  }

  kernels::Backend& backend_;
  const ModelConfig& c_;
  const WeightSource& source_;
  const WeightFormat& format_;
  const WeightVisitor& visit_;
  std::string prefix_;
  std::int64_t bytes_ = 0;
};

}  // namespace

ModelWeights load_weights(kernels::Backend& backend, const ModelConfig& config, const WeightSource& source,
                          const WeightFormat& format, std::int64_t layers, const WeightVisitor& visit) {
  return Loader(backend, config, source, format, visit).load(layers);
}

}  // namespace tokenfab::engine
