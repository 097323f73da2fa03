// Tokens per second of one user, as vendors report them for chips that GPUs' suites do not cover. Chips per instance
// are assumptions but for those said to be published.

#include "hwmodels/step_model.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

struct Reported {
  const char *chip, *engine, *llm;
  Dtype weights;
  int tensor_parallel, pipeline_parallel;
  double tokens_per_second;
};

double one_user(const Reported& r) {
  const Catalog catalog(TOKENFAB_SOURCE_DIR "/hwmodels");
  Deployment d;
  d.chip = catalog.chip(r.chip), d.llm = catalog.llm(r.llm), d.engine = catalog.engine(r.engine);
  d.calibration = catalog.find_calibration(r.engine, r.chip);
  d.weights = r.weights;
  d.activations = d.chip.peak.contains("int8") && r.weights == Dtype::int8 ? Dtype::int8 : Dtype::bf16;
  d.tensor_parallel = r.tensor_parallel, d.pipeline_parallel = r.pipeline_parallel;
  d.max_sequences = 8, d.token_budget = 64;
  d.memory_share = d.engine.memory_share.value;
  StepSums s;
  s.decode_sequences = 1, s.decode_kv_tokens = 1024;
  return 1 / StepModel(d).evaluate(s).total();
}

}  // namespace

TEST_CASE("users of SRAM and dataflow chips get the reported speed within a factor of 1.25") {
  // LPU: techpowerup.com and Hacker News 39435411; Cerebras: the vendor, 2024-10 and 2024-11, speculation included
  // where there was any; SN40L: 62DAC. All are vendors' figures.
  const std::vector<Reported> reported = {
      {"groq-lpu-v1", "groq", "llama-2-70b", Dtype::int8, 1, 576, 300},
      {"groq-lpu-v1", "groq", "mixtral-8x7b", Dtype::int8, 1, 400, 480},
      {"groq-lpu-v1", "groq", "llama-2-7b", Dtype::int8, 1, 288, 750},
      {"cerebras-wse3", "cerebras", "llama-3.1-70b", Dtype::bf16, 1, 4, 2100},
      {"cerebras-wse3", "cerebras", "llama-3.1-405b", Dtype::bf16, 1, 21, 969},
      {"sambanova-sn40l", "sambanova", "deepseek-r1", Dtype::fp8, 16, 1, 198},
  };
  for (const Reported& r : reported) {
    const double speed = one_user(r);
    CAPTURE(r.chip, r.llm, speed);
    CHECK(speed < 1.25 * r.tokens_per_second);
    CHECK(speed > r.tokens_per_second / 1.25);
  }
}
