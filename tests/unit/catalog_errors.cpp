// What a user reads when a catalogue file or an id is wrong.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/unit/catalog_support.h"

using namespace tokenfab;
using nlohmann::json;
namespace fs = std::filesystem;

namespace tokenfab::test {

json shipped_json(const std::string& kind, const std::string& id) {
  std::ifstream in(shipped().root() + "/" + kind + "/" + id + ".json");
  return json::parse(in, nullptr, true, true);
}

void load(const std::string& kind, const std::string& path) {
  if (kind == "chips") shipped().chip(path);
  if (kind == "llms") shipped().llm(path);
  if (kind == "engines") shipped().engine(path);
  if (kind == "calibrations") shipped().calibration(path);
}

std::string load_error(const std::string& kind, const std::string& id, const json& text) {
  const fs::path folder = fs::temp_directory_path() / ("tokenfab-catalog-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const std::string path = (folder / (id + ".json")).string();
  std::ofstream(path) << text.dump(1);
  std::string error;
  try {
    load(kind, path);
  } catch (const UserError& e) {
    error = e.what();
  }
  fs::remove_all(folder);
  const std::string prefix = folder.string() + "/";
  return error.rfind(prefix, 0) == 0 ? error.substr(prefix.size()) : error;
}

}  // namespace tokenfab::test

using tokenfab::test::load_error;
using tokenfab::test::shipped;
using tokenfab::test::shipped_json;

namespace {

json h100() { return shipped_json("chips", "h100-sxm"); }
std::string chip_error(const json& text) { return load_error("chips", "h100-sxm", text); }

}  // namespace

TEST_CASE("an unknown id names what is allowed and the nearest") {
  CHECK_THROWS_WITH(shipped().chip("h10-sxm"),
                    Catch::StartsWith("\"h10-sxm\" is not a known chip; allowed: a100-40-sxm, a100-80-sxm, a10g, ") &&
                        Catch::EndsWith("trainium1, trainium2 (nearest: \"h100-sxm\")"));
  CHECK_THROWS_AS(shipped().llm("../chips/l4"), UserError);
  CHECK_THROWS_WITH(shipped().ids("chip"),
                    Catch::Contains("allowed: chips, llms, engines, calibrations (nearest: \"chips\")"));
  CHECK_THROWS_WITH(Catalog("/nowhere").chip("l4"), Catch::Contains("set TOKENFAB_HOME"));
}

TEST_CASE("a path is read as a file and its id must be its name") {
  CHECK(chip_error(h100()) == "");
  CHECK(load_error("chips", "mine", h100()) ==
        "mine.json: /id: \"h100-sxm\" differs from the file's name; allowed: \"mine\"");
  CHECK_THROWS_WITH(shipped().chip("absent.json"), "absent.json: cannot be opened for reading");
}

TEST_CASE("TOKENFAB_HOME moves the catalogue") {
  ::setenv("TOKENFAB_HOME", "/some/where", 1);
  CHECK(Catalog::standard().root() == "/some/where/hwmodels");
  ::unsetenv("TOKENFAB_HOME");
  CHECK(Catalog::standard().chip("l4").id == "l4");
}

TEST_CASE("missing, bare and implausible numbers are refused in one line") {
  json j = h100();
  j.erase("bandwidth");
  CHECK(chip_error(j) == "h100-sxm.json: /bandwidth: is missing");
  j = h100();
  j["bandwidth"].erase("value");
  CHECK(chip_error(j) == "h100-sxm.json: /bandwidth/value: is missing");
  j = h100();
  j["bandwidth"] = 3350;
  CHECK(chip_error(j) ==
        "h100-sxm.json: /bandwidth: 3350 has no provenance; expected {\"value\", \"unit\", \"source\", "
        "\"as_of\"}");
  j = h100();
  j["bandwidth"]["value"] = 3350e9;
  CHECK(chip_error(j) == "h100-sxm.json: /bandwidth/value: 3.35e+12 GB/s is not plausible; allowed: 1 to 1e+05 GB/s");
  j = h100();
  j["bandwidth"]["unit"] = "Gb/s";
  CHECK(chip_error(j) ==
        "h100-sxm.json: /bandwidth/unit: \"Gb/s\" is not a unit of this field; allowed: GB/s, TB/s, PB/s (nearest: "
        "\"GB/s\")");
  j = h100();
  j["bandwidth"]["source"] = " ";
  CHECK(chip_error(j) == "h100-sxm.json: /bandwidth/source: is empty");
  j = h100();
  j["peak_dense"].erase("bf16");
  CHECK(chip_error(j) == "h100-sxm.json: /peak_dense/bf16: is missing");
}

TEST_CASE("unknown keys are refused with the nearest name") {
  json j = h100();
  j["bandwith"] = j["bandwidth"];
  CHECK_THAT(chip_error(j), Catch::StartsWith("h100-sxm.json: /bandwith: unknown key; allowed: ") &&
                                Catch::EndsWith("(nearest: \"bandwidth\")"));
  j = h100();
  j["peak_dense"]["fp16"] = j["peak_dense"]["bf16"];
  CHECK_THAT(chip_error(j), Catch::Contains("/peak_dense/fp16: unknown key"));
}

TEST_CASE("an engine must cover every operator class with shares up to one") {
  json j = shipped_json("engines", "pytorch");
  j["ops"].erase("send");
  CHECK(load_error("engines", "pytorch", j) == "pytorch.json: /ops/send: is missing");
  j = shipped_json("engines", "pytorch");
  j["ops"]["o_gemm"]["compute"]["value"] = 1.2;
  CHECK(load_error("engines", "pytorch", j) ==
        "pytorch.json: /ops/o_gemm/compute/value: 1.2 is not plausible; allowed: 0.001 to 1");
  j = shipped_json("engines", "vllm");
  j["ops"]["lm_head:fp8"] = j["ops"]["lm_head"];
  CHECK_THAT(load_error("engines", "vllm", j), Catch::Contains("/ops/lm_head:fp8: unknown key"));
}

TEST_CASE("an LLM whose dimensions do not give its parameter count is refused") {
  json j = shipped_json("llms", "llama-3.1-70b");
  j["kv_heads"] = 64;
  CHECK(load_error("llms", "llama-3.1-70b", j) ==
        "llama-3.1-70b.json: /published_parameters/value: the dimensions give 79948947456 parameters, more than 2 % "
        "from the published 70553706496");
  j = shipped_json("llms", "deepseek-v3");
  j["head_dim"] = 128;
  CHECK_THAT(load_error("llms", "deepseek-v3", j), Catch::Contains("/head_dim: does not go with mla"));
}

TEST_CASE("what does not go together in an LLM is refused") {
  const auto error = [](const char* id, const char* key, const json& value) {
    json j = shipped_json("llms", id);
    j[key] = value;
    return load_error("llms", id, j);
  };
  CHECK(error("llama-2-7b", "window", {{"tokens", 128}, {"layers", 33}}) ==
        "llama-2-7b.json: /window/layers: 33 is out of range; allowed: 1 to 32");
  CHECK_THAT(error("llama-2-7b", "window", {{"tokens", 8192}, {"layers", 2}}), Catch::Contains("/window/tokens"));
  CHECK_THAT(error("llama-2-7b", "window", {{"tokens", 128}}), Catch::Contains("/window/layers: is missing"));
  CHECK_THAT(error("deepseek-v3", "window", {{"tokens", 128}, {"layers", 2}}), Catch::Contains("does not go with mla"));
  CHECK_THAT(error("deepseek-v3", "attention_sinks", true), Catch::Contains("does not go with mla"));
  CHECK_THAT(error("mixtral-8x7b", "gated_mlp", false), Catch::Contains("does not go with moe"));
  CHECK_THAT(error("deepseek-v3", "mtp_layers", 17), Catch::Contains("/mtp_layers"));
  CHECK_THAT(error("llama-2-7b", "qkv_bais", true), Catch::Contains("(nearest: \"qkv_bias\")"));
  CHECK_THAT(error("gemma-3-27b", "encoder", {{"name", "x"}}), Catch::Contains("/encoder/parameters: is missing"));
}
