#include <nlohmann/json.hpp>

#include "hwmodels/catalog_files.h"
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
  m.tied_embeddings = file.boolean("tied_embeddings", false);
  m.qk_norm = file.boolean("qk_norm", false);
  if (file.has("moe")) m.moe = read_moe(file.object("moe"), m.layers);
  if (file.has("mla")) m.mla = read_mla(file.object("mla"));
  if (m.mla) {
    if (file.has("head_dim")) file.fail("head_dim", "does not go with mla, whose head sizes replace it");
    m.head_dim = m.mla->qk_nope_head_dim + m.mla->qk_rope_head_dim;
  } else {
    m.head_dim = dimension(file, "head_dim", 1, 1 << 14);
    if (m.heads % m.kv_heads != 0)
      file.fail("kv_heads", std::to_string(m.kv_heads) + " does not divide heads = " + std::to_string(m.heads));
  }
  m.published_parameters = read_quantity(file, "published_parameters", Quantity::count, 1, 1e15);
  file.finish();
  check_count(file, m);
  return m;
}

}  // namespace tokenfab
