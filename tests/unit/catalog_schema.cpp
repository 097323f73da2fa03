// The JSON Schemas accept what ships and refuse what the loader refuses.
#include <fstream>
#include <functional>

#include "tests/catch.h"
#include "tests/support/schema.h"
#include "tests/unit/catalog_support.h"

using namespace tokenfab;
using nlohmann::json;

namespace {

bool schema_accepts(const std::string& kind, const json& text) {
  return testing::schema_accepts(test::shipped().root() + "/schema/" + kind.substr(0, kind.size() - 1) + ".schema.json",
                                 text);
}

struct Broken {
  const char* what;
  std::string kind, id;
  std::function<void(json&)> damage;
};

const std::vector<Broken>& broken() {
  static const std::vector<Broken> list = {
      {"missing number", "chips", "l4", [](json& j) { j.erase("tdp"); }},
      {"missing value", "chips", "l4", [](json& j) { j["tdp"].erase("value"); }},
      {"missing source", "chips", "l4", [](json& j) { j["memory"].erase("source"); }},
      {"missing date", "chips", "l4", [](json& j) { j["memory"].erase("as_of"); }},
      {"empty source", "chips", "l4", [](json& j) { j["memory"]["source"] = ""; }},
      {"bare number", "chips", "l4", [](json& j) { j["memory"] = 24; }},
      {"text for a number", "chips", "l4", [](json& j) { j["memory"]["value"] = "24"; }},
      {"unknown key", "chips", "l4", [](json& j) { j["colour"] = "green"; }},
      {"unknown key in a number", "chips", "l4", [](json& j) { j["tdp"]["max"] = 1; }},
      {"wrong unit", "chips", "l4", [](json& j) { j["memory"]["unit"] = "Gb"; }},
      {"wrong topology", "chips", "l4", [](json& j) { j["topology"] = "ring"; }},
      {"no bf16 peak", "chips", "l4", [](json& j) { j["peak_dense"].erase("bf16"); }},
      {"missing dimension", "llms", "llama-2-7b", [](json& j) { j.erase("layers"); }},
      {"fractional dimension", "llms", "llama-2-7b", [](json& j) { j["hidden"] = 4096.5; }},
      {"neither head_dim nor mla", "llms", "llama-2-7b", [](json& j) { j.erase("head_dim"); }},
      {"head_dim and mla", "llms", "deepseek-v3", [](json& j) { j["head_dim"] = 192; }},
      {"unknown key in moe", "llms", "mixtral-8x7b", [](json& j) { j["moe"]["capacity"] = 2; }},
      {"bare parameter count", "llms", "llama-2-7b", [](json& j) { j["published_parameters"] = 6738415616; }},
      {"missing class", "engines", "vllm", [](json& j) { j["ops"].erase("lm_head"); }},
      {"missing floor", "engines", "vllm", [](json& j) { j["ops"]["o_gemm"].erase("floor"); }},
      {"share above one", "engines", "vllm", [](json& j) { j["ops"]["o_gemm"]["bandwidth"]["value"] = 1.5; }},
      {"share of zero", "engines", "vllm", [](json& j) { j["ops"]["o_gemm"]["compute"]["value"] = 0; }},
      {"unknown grade", "engines", "vllm", [](json& j) { j["grade"] = "sure"; }},
      {"unknown dtype", "engines", "vllm",
       [](json& j) { j["ops"]["o_gemm:fp4"] = j["ops"]["o_gemm"]; }},
      {"missing gap", "engines", "vllm", [](json& j) { j.erase("step_gap"); }},
  };
  return list;
}

}  // namespace

TEST_CASE("every shipped file validates against its schema and loads") {
  for (const std::string& kind : test::kKinds)
    for (const std::string& id : test::shipped().ids(kind)) {
      CAPTURE(kind, id);
      CHECK(schema_accepts(kind, test::shipped_json(kind, id)));
      CHECK_NOTHROW(test::load(kind, id));
    }
}

TEST_CASE("schema and loader refuse the same mistakes") {
  for (const Broken& b : broken()) {
    CAPTURE(b.what, b.kind);
    json text = test::shipped_json(b.kind, b.id);
    b.damage(text);
    CHECK_FALSE(schema_accepts(b.kind, text));
    CHECK(test::load_error(b.kind, b.id, text) != "");
  }
}
