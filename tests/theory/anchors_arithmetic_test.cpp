// Published figures that follow from sizes and rates alone.
#include <cmath>

#include "base/error.h"
#include "hwmodels/step_model.h"
#include "tests/catch.h"
#include "tests/support/deployments.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

const Catalog& shipped() {
  static const Catalog catalog(TOKENFAB_SOURCE_DIR "/hwmodels");
  return catalog;
}

double expected(double acceptance, int depth) {
  Speculation s;
  s.acceptance.assign(static_cast<std::size_t>(depth), acceptance);
  return s.expected_tokens(depth);
}

/// A catalogue chip under an engine without losses.
Deployment ideal(const std::string& chip, const std::string& llm, int chips = 1) {
  Deployment d = deployment(shipped().llm(llm), ideal_engine());
  d.chip = shipped().chip(chip);
  d.tensor_parallel = chips;
  d.max_sequences = 8;
  d.memory_share = 1;
  return d;
}

double decode_seconds(const Deployment& d, std::int64_t sequences, std::int64_t context) {
  StepSums s;
  s.decode_sequences = sequences;
  s.decode_kv_tokens = sequences * context;
  return StepModel(d).evaluate(s).total();
}

/// Chips whose memory holds a model's weights and nothing else.
double chips_for_weights(const std::string& llm, const std::string& chip, double bytes_each) {
  return std::ceil(count_parameters(shipped().llm(llm)).total * bytes_each / shipped().chip(chip).memory.value);
}

}  // namespace

TEST_CASE("tokens a speculative step yields, to the printed digits") {
  CHECK(expected(0.8, 2) == Approx(2.44).margin(5e-3));
  CHECK(expected(0.8, 4) == Approx(3.36).margin(5e-3));
  CHECK(expected(0.8, 9) == Approx(4.46).margin(5e-3));
  for (const double a : {0.1, 0.5, 0.8, 0.99})
    for (const int depth : {1, 3, 8, 20})
      CHECK(expected(a, depth) == Approx((1 - std::pow(a, depth + 1)) / (1 - a)).epsilon(1e-12));
}

TEST_CASE("each further draft gains less, and never more than acceptance allows") {
  double before = 1, gain = 1;
  for (int depth = 1; depth <= 16; ++depth) {
    const double now = expected(0.8, depth);
    CHECK(now - before < gain);
    CHECK(now < 1 / (1 - 0.8));
    gain = now - before, before = now;
  }
}

TEST_CASE("the host's time for drafts is paid once per pass and once per sequence") {
  Deployment d = ideal("h100-sxm", "llama-3.1-8b");
  Speculation s;
  s.drafter = draft_layers(d.llm, 1);
  s.depth = s.drafted = 3;
  s.acceptance.assign(3, 0.7);
  StepSums sums;
  sums.decode_sequences = 4;
  sums.decode_kv_tokens = 4 * 1024 * kSpeculationQuanta;
  const auto seconds = [&] {
    d.speculation = s;
    return StepModel(d).evaluate(sums).total();
  };
  const double without = seconds();
  s.pass_gap = 5e-4, s.sequence_gap = 2e-5;
  CHECK(seconds() - without == Approx(3 * 5e-4 + 4 * 2e-5).epsilon(1e-9));
  s.parallel = true;  // heads draft all positions in one pass
  const double heads = seconds();
  s.pass_gap = s.sequence_gap = 0;
  CHECK(heads - seconds() == Approx(5e-4 + 4 * 2e-5).epsilon(1e-9));
}

TEST_CASE("a 70B model in 16 bits is swept in 42 milliseconds by one H100's bandwidth, which cannot hold it") {
  const Chip h100 = shipped().chip("h100-sxm");
  CHECK(140e9 / h100.bandwidth.value == Approx(41.8e-3).epsilon(2e-3));
  CHECK_THROWS_AS(StepModel(ideal("h100-sxm", "llama-3.1-70b")), Infeasible);
  Deployment roomy = ideal("h100-sxm", "llama-3.1-70b");
  roomy.chip.memory.value = 1e12;
  CHECK(decode_seconds(roomy, 1, 1) ==
        Approx(140e9 / h100.bandwidth.value).epsilon(0.02));  // 69.5e9 x 2 bytes are read
}

TEST_CASE("memory-bound decoding on an H200 is at most 4.8 / 3.35 as fast as on an H100") {
  const double ratio = shipped().chip("h200-sxm").bandwidth.value / shipped().chip("h100-sxm").bandwidth.value;
  CHECK(ratio == Approx(1.43).epsilon(5e-3));
  for (const char* engine : {"vllm", "sglang", "tensorrt-llm"})
    for (const std::int64_t sequences : {1, 16, 64}) {
      Deployment d = ideal("h100-sxm", "llama-3.1-8b");
      d.engine = shipped().engine(engine);
      d.max_sequences = 64;
      const double h100 = decode_seconds(d, sequences, 1024);
      d.chip = shipped().chip("h200-sxm");
      CAPTURE(engine, sequences);
      CHECK(h100 / decode_seconds(d, sequences, 1024) <= ratio);
      CHECK(h100 / decode_seconds(d, sequences, 1024) > 1);
    }
  CHECK(decode_seconds(ideal("h100-sxm", "llama-3.1-8b"), 1, 1024) /
            decode_seconds(ideal("h200-sxm", "llama-3.1-8b"), 1, 1024) ==
        Approx(ratio).epsilon(1e-9));
}

TEST_CASE("weights of a 70B model alone fill hundreds of LPUs") {
  const double lpu = shipped().chip("groq-lpu-v1").memory.value;
  CHECK(lpu == Approx(0.23e9).epsilon(5e-3));
  CHECK(std::ceil(140e9 / 0.23e9) == 609);
  CHECK(std::ceil(70e9 / 0.23e9) == 305);
  CHECK(std::ceil(35e9 / 0.23e9) == 153);
  // The same from the catalogue's model and chip, whose counts are not rounded.
  CHECK(chips_for_weights("llama-2-70b", "groq-lpu-v1", 2) == Approx(609).epsilon(0.02));
  CHECK(chips_for_weights("llama-2-70b", "groq-lpu-v1", 1) == Approx(305).epsilon(0.02));
  CHECK(chips_for_weights("llama-2-70b", "groq-lpu-v1", 0.5) == Approx(153).epsilon(0.02));
  CHECK(40 * lpu < 35e9);  // forty of them do not hold it in four bits
}

TEST_CASE("a wafer needs no collective, and its layers stay on it") {
  Deployment d = ideal("cerebras-wse3", "llama-3.1-8b");
  d.engine = shipped().engine("cerebras");
  StepSums s;
  s.decode_sequences = 1, s.decode_kv_tokens = 1024;
  const StepSeconds t = StepModel(d).evaluate(s);
  for (const OpClass c : {OpClass::all_reduce, OpClass::all_to_all, OpClass::send}) {
    const auto i = static_cast<std::size_t>(c);
    CHECK(t.work[i] + t.floor[i] == 0);
  }
}

TEST_CASE("work per watt over price gives 48 or 64 percent less cost per token, not 40") {
  const double per_watt = 2.5, dearer = 1.3;
  CHECK(1 - dearer / per_watt == Approx(0.48).margin(1e-9));
  const double b200 = shipped().chip("b200-sxm").tdp.value, h100 = shipped().chip("h100-sxm").tdp.value;
  CHECK(1 - dearer / (per_watt * b200 / h100) == Approx(0.636).margin(5e-4));
}

TEST_CASE("Mixtral's thirteen billion are what a token meets, not an expert") {
  const ParameterCount mixtral = count_parameters(shipped().llm("mixtral-8x7b"));
  CHECK(mixtral.total == Approx(46.7e9).epsilon(2e-3));
  CHECK(mixtral.active == Approx(12.9e9).epsilon(5e-3));
  CHECK(mixtral.expert * shipped().llm("mixtral-8x7b").layers == Approx(5.64e9).epsilon(5e-3));
  const ParameterCount deepseek = count_parameters(shipped().llm("deepseek-v2"));
  CHECK(deepseek.total / deepseek.active == Approx(11.2).epsilon(0.03));
}

TEST_CASE("free links make tensor parallelism ideal") {
  Deployment d = ideal("h100-sxm", "llama-3.1-70b", 8);
  d.chip.memory.value = 1e12;
  d.chip.link.value = 1e30, d.chip.link_latency.value = 0;
  Deployment one = d;
  one.tensor_parallel = 1;
  CHECK(decode_seconds(one, 1, 4096) / decode_seconds(d, 1, 4096) == Approx(8).epsilon(0.01));
}

TEST_CASE("attention made faster helps a prefill by Amdahl's law") {
  Deployment d = ideal("h100-sxm", "llama-3.1-8b");
  d.engine = shipped().engine("vllm");
  d.token_budget = 16384;
  StepSums s;
  s.add_chunk(0, 16384, true);
  const StepSeconds slow = StepModel(d).evaluate(s);
  OpEfficiency& attention = d.engine.ops[static_cast<std::size_t>(OpClass::prefill_attention)];
  attention.compute.value /= 2;
  attention.bandwidth.value /= 2;
  const double slower = StepModel(d).evaluate(s).total();
  const auto i = static_cast<std::size_t>(OpClass::prefill_attention);
  const double share = 2 * slow.work[i] / slower;  // of the slower prefill
  CHECK(slower / slow.total() == Approx(1 / (1 - share + share / 2)).epsilon(1e-9));
  CHECK(share > 0.1);
}
