#include <nlohmann/json.hpp>

#include "hwmodels/catalog_files.h"
#include "hwmodels/dtype.h"
#include "hwmodels/quantity.h"

namespace tokenfab {
namespace {

int dimension(const JsonObject& object, const char* key, std::int64_t low, std::int64_t high) {
  return static_cast<int>(object.integer(key, low, high));
}

MoeShape read_moe(const JsonObject& m, int layers) {
  MoeShape out;
  out.experts = dimension(m, "experts", 2, 100000);
  out.top_k = dimension(m, "top_k", 1, out.experts);
  out.shared_experts = dimension(m, "shared_experts", 0, 1000);
  out.expert_ffn = dimension(m, "expert_ffn", 1, 1 << 20);
  out.first_dense_layers = dimension(m, "first_dense_layers", 0, layers - 1);
  out.router_bias = m.boolean("router_bias", false);
  m.finish();
  return out;
}

MlaShape read_mla(const JsonObject& m) {
  MlaShape out;
  out.q_lora_rank = dimension(m, "q_lora_rank", 0, 1 << 16);
  out.kv_lora_rank = dimension(m, "kv_lora_rank", 1, 1 << 16);
  out.qk_nope_head_dim = dimension(m, "qk_nope_head_dim", 1, 1 << 14);
  out.qk_rope_head_dim = dimension(m, "qk_rope_head_dim", 1, 1 << 14);
  out.v_head_dim = dimension(m, "v_head_dim", 1, 1 << 14);
  m.finish();
  return out;
}

WindowShape read_window(const JsonObject& w, const Llm& m) {
  WindowShape out;
  out.tokens = dimension(w, "tokens", 1, m.context);
  out.layers = dimension(w, "layers", 1, m.layers);
  w.finish();
  return out;
}

Encoder read_encoder(const JsonObject& e) {
  Encoder out{read_text(e, "name"), read_quantity(e, "parameters", Quantity::count, 1, 1e12),
              read_quantity(e, "patches_per_image", Quantity::count, 1, 1e6),
              read_quantity(e, "tokens_per_image", Quantity::count, 1, 1e6)};
  e.finish();
  return out;
}

void read_flags(const JsonObject& file, Llm& m) {
  const auto flag = [&](const char* key, bool& value) { value = file.boolean(key, value); };
  flag("tied_embeddings", m.tied_embeddings);
  flag("qk_norm", m.qk_norm);
  flag("qkv_bias", m.qkv_bias);
  flag("o_bias", m.o_bias);
  flag("mlp_bias", m.mlp_bias);
  flag("attention_sinks", m.attention_sinks);
  flag("extra_norms", m.extra_norms);
  flag("norm_bias", m.norm_bias);
  flag("embedding_norm", m.embedding_norm);
  flag("gated_mlp", m.gated_mlp);
}

/// What latent attention and routed experts are not counted with.
void check_flags(const JsonObject& file, const Llm& m) {
  const auto refuse = [&](bool set, const char* key, const char* with) {
    if (set) file.fail(key, std::string("does not go with ") + with);
  };
  refuse(m.mla && m.qk_norm, "qk_norm", "mla, whose latents have norms of their own");
  refuse(m.mla && m.qkv_bias, "qkv_bias", "mla");
  refuse(m.mla && m.o_bias, "o_bias", "mla");
  refuse(m.mla && m.attention_sinks, "attention_sinks", "mla");
  refuse(m.mla && m.window, "window", "mla");
  refuse(m.moe && !m.gated_mlp, "gated_mlp", "moe, whose experts are gated");
}

Quality read_one_quality(const JsonObject& q) {
  Quality out;
  out.weights = *dtype_named(q.one_of("weights", dtype_names()));
  out.benchmark = read_text(q, "benchmark");
  out.score = read_quantity(q, "score", Quantity::share, 0, 1e6);
  out.reference = read_quantity(q, "reference", Quantity::share, 0, 1e6);
  q.finish();
  return out;
}

void check_count(const JsonObject& file, const Llm& m) {
  const double counted = count_parameters(m).total, published = m.published_parameters.value;
  if (counted < 0.98 * published || counted > 1.02 * published)
    file.object("published_parameters")
        .fail("value", "the dimensions give " + std::to_string(static_cast<std::int64_t>(counted)) +
                           " parameters, more than 2 % from the published " +
                           std::to_string(static_cast<std::int64_t>(published)));
}

}  // namespace

Llm load_llm(const std::string& path) {
  const nlohmann::json text = parse_json_file(path);
  const JsonObject file(text, path);
  Llm m;
  m.id = read_id(file);
  m.name = read_text(file, "name");
  m.source = read_text(file, "source");
  m.licence = read_text(file, "licence");
  read_text(file, "as_of");
  m.layers = dimension(file, "layers", 1, 10000);
  m.hidden = dimension(file, "hidden", 1, 1 << 20);
  m.heads = dimension(file, "heads", 1, 1 << 16);
  m.kv_heads = dimension(file, "kv_heads", 1, m.heads);
  m.ffn = dimension(file, "ffn", 1, 1 << 22);
  m.vocab = dimension(file, "vocab", 1, 1 << 26);
  m.context = dimension(file, "context", 1, 1 << 30);
  read_flags(file, m);
  if (file.has("learned_positions")) m.learned_positions = dimension(file, "learned_positions", 0, 1 << 24);
  if (file.has("window")) m.window = read_window(file.object("window"), m);
  if (file.has("moe")) m.moe = read_moe(file.object("moe"), m.layers);
  if (file.has("mla")) m.mla = read_mla(file.object("mla"));
  if (file.has("mtp_layers")) m.mtp_layers = dimension(file, "mtp_layers", 0, 16);
  if (file.has("encoder")) m.encoder = read_encoder(file.object("encoder"));
  if (m.mla) {
    if (file.has("head_dim")) file.fail("head_dim", "does not go with mla, whose head sizes replace it");
    m.head_dim = m.mla->qk_nope_head_dim + m.mla->qk_rope_head_dim;
  } else {
    m.head_dim = dimension(file, "head_dim", 1, 1 << 14);
    if (m.heads % m.kv_heads != 0)
      file.fail("kv_heads", std::to_string(m.kv_heads) + " does not divide heads = " + std::to_string(m.heads));
  }
  check_flags(file, m);
  m.published_parameters = read_quantity(file, "published_parameters", Quantity::count, 1, 1e15);
  for (const JsonObject& q : file.objects("quality")) m.quality.push_back(read_one_quality(q));
  file.finish();
  check_count(file, m);
  return m;
}

}  // namespace tokenfab
