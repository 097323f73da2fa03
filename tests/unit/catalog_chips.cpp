// Chips of every family: ridge points, the made-up chip of docs/adding-a-chip.md, speeds that vendors report.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "hwmodels/step_model.h"
#include "tests/catch.h"
#include "tests/support/schema.h"
#include "tests/unit/catalog_support.h"

using namespace tokenfab;
using tokenfab::test::shipped;
namespace fs = std::filesystem;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(TOKENFAB_SOURCE_DIR "/" + path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The ```json block of the documentation.
std::string documented_chip() {
  const std::string doc = text_of("docs/adding-a-chip.md"), fence = "```json\n";
  const auto begin = doc.find(fence) + fence.size();
  return doc.substr(begin, doc.find("```", begin) - begin);
}

Deployment one_chip(Chip chip, const std::string& engine) {
  Deployment d;
  d.chip = std::move(chip);
  d.llm = shipped().llm("llama-3.1-8b");
  d.engine = shipped().engine(engine);
  return d;
}

double token_seconds(const StepModel& model, std::int64_t sequences, std::int64_t context) {
  StepSums sums;
  sums.decode_sequences = sequences;
  sums.decode_kv_tokens = sequences * context;
  return model.evaluate(sums).total();
}

}  // namespace

TEST_CASE("a chip that is not in the catalogue is one JSON file") {
  const fs::path folder = fs::temp_directory_path() / ("tokenfab-new-chip-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const std::string path = (folder / "acme-x1.json").string();
  std::ofstream(path) << documented_chip();
  CHECK(testing::schema_accepts(shipped().root() + "/schema/chip.schema.json", parse_json_file(path)));
  const Chip chip = shipped().chip(path);
  fs::remove_all(folder);

  CHECK(chip.id == "acme-x1");
  CHECK(chip.memory.value == 128 * 1073741824.0);
  const StepModel model(one_chip(chip, "vllm"));
  const double weight_bytes =
      2 * (count_parameters(model.deployment().llm).total - count_parameters(model.deployment().llm).embedding);
  CHECK(token_seconds(model, 1, 100) > weight_bytes / 4e12);  // no faster than its memory
  Chip faster = chip;
  faster.bandwidth.value *= 2;
  CHECK(token_seconds(StepModel(one_chip(faster, "vllm")), 1, 100) < token_seconds(model, 1, 100));
}

TEST_CASE("the catalogue's README names every chip and model") {
  const std::string readme = text_of("hwmodels/README.md");
  for (const std::string kind : {"chips", "llms"})
    for (const std::string& id : shipped().ids(kind)) {
      CAPTURE(kind, id);
      CHECK(readme.find("`" + id + "`") != std::string::npos);
    }
}

TEST_CASE("chips turn from memory-bound to compute-bound where their sources say") {
  const auto ridge = [](const char* id) {
    const Chip c = shipped().chip(id);
    return c.peak.at("bf16").value / c.bandwidth.value;
  };
  CHECK(ridge("h20") == Approx(37));
  CHECK(ridge("h100-sxm") == Approx(295).epsilon(0.005));
  CHECK(ridge("h200-sxm") == Approx(206).epsilon(0.005));
  CHECK(ridge("tpu-v6e") == Approx(560).epsilon(0.005));
  CHECK(ridge("gaudi3") == Approx(496).epsilon(0.005));
  CHECK(ridge("groq-lpu-v1") == Approx(2.35));
  CHECK(ridge("cerebras-wse3") < 1);
}

TEST_CASE("every chip belongs to its family") {
  const std::map<std::string, std::string> others = {{"groq-lpu-v1", "sram-pipeline"},
                                                     {"cerebras-wse3", "sram-pipeline"},
                                                     {"d-matrix-corsair", "sram-pipeline"},
                                                     {"sambanova-sn40l", "tiered"}};
  for (const std::string& id : shipped().ids("chips")) {
    CAPTURE(id);
    const Chip c = shipped().chip(id);
    const auto other = others.find(id);
    CHECK(c.family == (other == others.end() ? "hbm" : other->second));
    CHECK((c.family == "sram-pipeline") == (c.bandwidth.value / c.memory.value > 1e4));  // sweeps itself in < 0.1 ms
    CHECK(c.backing.has_value() == (c.family == "tiered"));
    if (c.backing) CHECK((c.backing->memory.value > c.memory.value && c.backing->bandwidth.value < c.bandwidth.value));
    CHECK((c.torus_wrap > 0) == id.starts_with("tpu-"));
  }
}

TEST_CASE("systolic arrays and tori are as documented") {
  for (const char* id : {"tpu-v4", "tpu-v5e", "tpu-v5p"}) CHECK(shipped().chip(id).matrix_tile == 128);
  for (const char* id : {"tpu-v6e", "tpu-v7"}) CHECK(shipped().chip(id).matrix_tile == 256);
  for (const char* id : {"h100-sxm", "mi300x"}) CHECK(shipped().chip(id).matrix_tile == 1);
  for (const char* id : {"tpu-v5e", "tpu-v6e"}) {
    CHECK(shipped().chip(id).topology == "torus-2d");
    CHECK(shipped().chip(id).torus_wrap == 16);
  }
  for (const char* id : {"tpu-v4", "tpu-v5p", "tpu-v7"}) {
    CHECK(shipped().chip(id).topology == "torus-3d");
    CHECK(shipped().chip(id).torus_wrap == 4);
  }
}

TEST_CASE("profiles of SRAM pipelines reproduce the reported speed of one user") {
  Deployment groq = one_chip(shipped().chip("groq-lpu-v1"), "groq");
  groq.llm = shipped().llm("llama-2-70b");
  groq.weights = groq.activations = Dtype::int8;
  groq.pipeline_parallel = 576;  // Hacker News 39435411
  groq.max_sequences = 8;
  groq.token_budget = 64;
  groq.memory_share = groq.engine.memory_share.value;
  const double groq_speed = 1 / token_seconds(StepModel(groq), 1, 1024);
  CHECK(groq_speed == Approx(300).epsilon(0.15));

  Deployment wafers = one_chip(shipped().chip("cerebras-wse3"), "cerebras");
  wafers.llm = shipped().llm("llama-3.1-70b");
  wafers.pipeline_parallel = 4;
  wafers.memory_share = wafers.engine.memory_share.value;
  const double wafer_speed = 1 / token_seconds(StepModel(wafers), 1, 1024);
  CHECK(wafer_speed == Approx(2100).epsilon(0.15));
}

TEST_CASE("the fused decoder of the SN40L meets the published batch within its doubt") {
  Deployment d = one_chip(shipped().chip("sambanova-sn40l"), "sambanova");
  d.tensor_parallel = 8;
  const double step = token_seconds(StepModel(d), 16, 1536);
  CHECK(step == Approx((3.54 - 0.42) / 1023).epsilon(0.15));  // Llama-3-8B, 16 x 1024 in, 1024 out, 8 sockets
}
