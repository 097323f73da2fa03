// The shipped figures: provenance everywhere, dense peaks, GiB and directions as documented.
#include "tests/catch.h"
#include "tests/unit/catalog_support.h"

using namespace tokenfab;
using nlohmann::json;
using tokenfab::test::shipped;

namespace {

/// Calls `visit` on every {"value": ...} object below `node`, with its JSON pointer.
template <typename Visit>
void each_number(const json& node, const std::string& pointer, const Visit& visit) {
  if (!node.is_object()) return;
  if (node.contains("value")) return visit(node, pointer);
  for (const auto& [key, child] : node.items()) each_number(child, pointer + "/" + key, visit);
}

}  // namespace

TEST_CASE("every shipped number says its unit, source and date") {
  for (const std::string& kind : test::kKinds)
    for (const std::string& id : shipped().ids(kind)) {
      int numbers = 0;
      each_number(test::shipped_json(kind, id), "", [&](const json& n, const std::string& pointer) {
        CAPTURE(kind, id, pointer);
        ++numbers;
        CHECK(n.at("value").is_number());
        CHECK(n.at("unit").get<std::string>() != "");
        CHECK(n.at("source").get<std::string>().size() >= 10);
        CHECK(n.at("as_of").get<std::string>().substr(0, 2) == "20");
      });
      if (kind != "calibrations" && !test::shipped_json(kind, id).contains("like"))
        CHECK(numbers >= (kind == "llms" ? 1 : 10));
    }
}

TEST_CASE("the catalogue holds the promised chips and engines") {
  for (const char* id : {"a100-40-sxm", "a100-80-sxm", "a10g",          "h100-sxm",        "h100-pcie",
                         "h200-sxm",    "h800",        "h20",           "b200-sxm",        "gb200",
                         "l4",          "l40s",        "mi300x",        "mi325x",          "mi355x",
                         "gaudi2",      "gaudi3",      "trainium1",     "trainium2",       "inferentia2",
                         "tpu-v4",      "tpu-v5e",     "tpu-v5p",       "tpu-v6e",         "tpu-v7",
                         "maia-100",    "groq-lpu-v1", "cerebras-wse3", "sambanova-sn40l", "d-matrix-corsair"})
    CHECK(shipped().chip(id).id == id);
  for (const char* id : {"vllm", "tensorrt-llm", "pytorch", "groq", "cerebras", "sambanova", "jax-tpu", "vllm-tpu"})
    CHECK(shipped().engine(id).id == id);
}

TEST_CASE("peaks are dense, not sparse") {
  for (const char* id : {"h100-sxm", "h200-sxm"}) {
    const double bf16 = shipped().chip(id).peak.at("bf16").value;
    CHECK((bf16 >= 985e12 && bf16 <= 992e12));
  }
  for (const char* id :
       {"h100-sxm", "h100-pcie", "h200-sxm", "b200-sxm", "gb200", "h20", "mi300x", "mi325x", "mi355x", "tpu-v7"}) {
    CAPTURE(id);
    const Chip c = shipped().chip(id);
    CHECK(c.peak.at("fp8").value == Approx(2 * c.peak.at("bf16").value).epsilon(1e-3));
  }
  for (const char* id : {"gaudi3", "tpu-v5p", "tpu-v6e", "trainium1", "inferentia2"}) {  // fp8 saves bytes only
    CAPTURE(id);
    const Chip c = shipped().chip(id);
    CHECK(c.peak.at("fp8").value == c.peak.at("bf16").value);
  }
  CHECK(shipped().chip("l4").peak.at("bf16").value < 130e12);
  CHECK(shipped().chip("mi355x").peak.at("fp8").value < 6e15);           // 10.1 PFLOP/s with sparsity
  CHECK(shipped().chip("cerebras-wse3").peak.at("bf16").value < 63e15);  // the published 125 are sparse
  CHECK(shipped().chip("a100-80-sxm").peak.count("fp8") == 0);
}

TEST_CASE("links are one direction and HBM sizes are visible bytes") {
  CHECK(shipped().chip("h100-sxm").link.value == 450e9);
  CHECK(shipped().chip("mi300x").link.value == 448e9);
  CHECK(shipped().chip("tpu-v5p").link.value == 600e9);     // printed: 1200 in both directions
  CHECK(shipped().chip("gb200").link.value == 900e9);       // printed: 1800
  CHECK(shipped().chip("inferentia2").link.value < 104e9);  // printed: 192 GiB/s
  CHECK(shipped().chip("gb200").memory.value == 198674743296.0);
  CHECK(shipped().chip("tpu-v7").memory.value == 206158430208.0);
  CHECK(shipped().chip("a100-80-sxm").memory.value == 80.0 * 1073741824);
  CHECK(shipped().chip("l40s").memory.value == 46068.0 * 1048576);
}

TEST_CASE("engine profiles stay within physics") {
  for (const std::string& id : shipped().ids("engines")) {
    CAPTURE(id);
    const EngineProfile e = shipped().engine(id);
    for (const OpEfficiency& op : e.ops) {
      CHECK((op.bandwidth.value > 0 && op.bandwidth.value <= 1));
      CHECK((op.compute.value > 0 && op.compute.value <= 1));
      CHECK((op.floor.value >= 0 && op.floor.value < 1e-3));
    }
    CHECK((e.grade == Grade::datasheet) == !e.known_error.has_value());
  }
}

TEST_CASE("the serving profiles have FP8 figures for products") {
  for (const char* engine : {"vllm", "tensorrt-llm"}) {
    const EngineProfile e = shipped().engine(engine);
    CAPTURE(engine);
    CHECK(e.by_dtype.count("mlp_gemm:fp8") == 1);
  }
}

TEST_CASE("units are converted to SI") {
  const EngineProfile e = shipped().engine("vllm");
  CHECK(e.step_gap.unit == "ms");
  CHECK(e.step_gap.value == Approx(test::shipped_json("engines", "vllm")["step_gap"]["value"].get<double>() / 1000));
  CHECK(shipped().chip("h100-sxm").link_latency.value == Approx(5e-7));
}
