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

const std::string kCalibration = "vllm--a100-80-sxm";

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
      {"wrong topology", "chips", "l4", [](json& j) { j["topology"] = "star"; }},
      {"no bf16 peak", "chips", "l4", [](json& j) { j["peak_dense"].erase("bf16"); }},
      {"missing dimension", "llms", "llama-2-7b", [](json& j) { j.erase("layers"); }},
      {"fractional dimension", "llms", "llama-2-7b", [](json& j) { j["hidden"] = 4096.5; }},
      {"neither head_dim nor mla", "llms", "llama-2-7b", [](json& j) { j.erase("head_dim"); }},
      {"head_dim and mla", "llms", "deepseek-v3", [](json& j) { j["head_dim"] = 192; }},
      {"unknown key in moe", "llms", "mixtral-8x7b", [](json& j) { j["moe"]["capacity"] = 2; }},
      {"window without layers", "llms", "gpt-oss-20b", [](json& j) { j["window"].erase("layers"); }},
      {"window of zero tokens", "llms", "gpt-oss-20b", [](json& j) { j["window"]["tokens"] = 0; }},
      {"window with mla", "llms", "deepseek-v3",
       [](json& j) {
         j["window"] = {{"tokens", 128}, {"layers", 2}};
       }},
      {"bias that is a number", "llms", "qwen2.5-7b", [](json& j) { j["qkv_bias"] = 1; }},
      {"ungated experts", "llms", "mixtral-8x7b", [](json& j) { j["gated_mlp"] = false; }},
      {"negative draft modules", "llms", "deepseek-v3", [](json& j) { j["mtp_layers"] = -1; }},
      {"bare size of an encoder", "llms", "gemma-3-27b", [](json& j) { j["encoder"]["parameters"] = 417000000; }},
      {"encoder without patches", "llms", "gemma-3-27b", [](json& j) { j["encoder"].erase("patches_per_image"); }},
      {"torus without a wrap", "chips", "tpu-v5e", [](json& j) { j.erase("torus_wrap"); }},
      {"tiered without backing", "chips", "sambanova-sn40l", [](json& j) { j.erase("backing"); }},
      {"backing without bandwidth", "chips", "sambanova-sn40l", [](json& j) { j["backing"].erase("bandwidth"); }},
      {"tile of zero", "chips", "tpu-v5e", [](json& j) { j["matrix_tile"] = 0; }},
      {"bare parameter count", "llms", "llama-2-7b", [](json& j) { j["published_parameters"] = 6738415616; }},
      {"missing class", "engines", "vllm", [](json& j) { j["ops"].erase("lm_head"); }},
      {"missing floor", "engines", "vllm", [](json& j) { j["ops"]["o_gemm"].erase("floor"); }},
      {"share above one", "engines", "vllm", [](json& j) { j["ops"]["o_gemm"]["bandwidth"]["value"] = 1.5; }},
      {"share of zero", "engines", "vllm", [](json& j) { j["ops"]["o_gemm"]["compute"]["value"] = 0; }},
      {"unknown grade", "engines", "vllm", [](json& j) { j["grade"] = "sure"; }},
      {"unknown dtype", "engines", "vllm", [](json& j) { j["ops"]["o_gemm:fp4"] = j["ops"]["o_gemm"]; }},
      {"missing gap", "engines", "vllm", [](json& j) { j.erase("step_gap"); }},
      {"missing engine", "calibrations", kCalibration, [](json& j) { j.erase("engine"); }},
      {"no figures", "calibrations", kCalibration, [](json& j) { j.erase("ops"); }},
      {"empty version", "calibrations", kCalibration, [](json& j) { j["version"] = " "; }},
      {"wrong grade", "calibrations", kCalibration, [](json& j) { j["grade"] = "sure"; }},
      {"no source", "calibrations", kCalibration, [](json& j) { j["sources"] = json::array(); }},
      {"a source that is a number", "calibrations", kCalibration, [](json& j) { j["sources"][0] = 3; }},
      {"unknown dtype of a figure", "calibrations", kCalibration,
       [](json& j) { j["ops"]["qkv_gemm:fp3"] = j["ops"]["qkv_gemm"]; }},
      {"figure of the host", "calibrations", kCalibration, [](json& j) { j["ops"]["host"] = j["ops"]["qkv_gemm"]; }},
      {"figure without floor", "calibrations", kCalibration, [](json& j) { j["ops"]["qkv_gemm"].erase("floor"); }},
      {"figure above one", "calibrations", kCalibration,
       [](json& j) { j["ops"]["qkv_gemm"]["bandwidth"]["value"] = 1.5; }},
      {"copies of what is no expert", "calibrations", kCalibration,
       [](json& j) { j["copies_all_rows"] = {"qkv_gemm"}; }},
      {"unknown kind of residual", "calibrations", kCalibration,
       [](json& j) { j["residuals"]["gemn"] = json::object(); }},
      {"residual without rows", "calibrations", kCalibration,
       [](json& j) {
         j["residuals"]["gemm"]["bf16"] = {{"shapes", json::array()}};
       }},
      {"row count of zero", "calibrations", kCalibration,
       [](json& j) {
         j["residuals"]["gemm"]["bf16"] = {{"rows", {0}}, {"shapes", json::array()}};
       }},
      {"shape of zero", "calibrations", kCalibration,
       [](json& j) {
         j["residuals"]["gemm"]["bf16"] = {{"rows", {1}}, {"shapes", {{{"n", 0}, {"k", 64}, {"log_ratio", {0.1}}}}}};
       }},
      {"residual out of range", "calibrations", kCalibration,
       [](json& j) {
         j["residuals"]["decode_attention"]["bf16"] = {{"x", {1}}, {"y", {1}}, {"log_ratio", {4}}};
       }},
      {"too many contexts", "calibrations", kCalibration,
       [](json& j) {
         json y = json::array(), zeros = json::array();
         for (int i = 1; i <= 12; ++i) y.push_back(i), zeros.push_back(0);
         j["residuals"]["decode_attention"]["bf16"] = {{"x", {1}}, {"y", y}, {"log_ratio", zeros}};
       }},
      {"unknown key of a residual", "calibrations", kCalibration,
       [](json& j) {
         j["residuals"]["decode_attention"]["bf16"] = {{"x", {1}}, {"y", {1}}, {"log_ratio", {0}}, {"z", 1}};
       }},
      {"negative gap", "calibrations", kCalibration,
       [](json& j) {
         j["step_gap"] = {{"value", -1}, {"unit", "us"}, {"source", "none"}, {"as_of", "2026"}};
       }},
      {"error without a split", "calibrations", kCalibration,
       [](json& j) {
         j["errors"] = {{{"what", "gemm"}, {"median", 0.1}, {"mean", 0.1}, {"p90", 0.1}, {"bias", 0}, {"n", 3}}};
       }},
      {"unknown key of the range", "calibrations", kCalibration, [](json& j) { j["range"]["least"] = 1; }},
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
