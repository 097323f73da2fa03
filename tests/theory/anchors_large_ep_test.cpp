// DeepSeek-V3 on hundreds of H800: what its kernels' published figures say about exchanges, whole nodes and a whole
// day.
#include <cmath>

#include "hwmodels/collectives.h"
#include "hwmodels/step_model.h"
#include "tests/catch.h"

using namespace tokenfab;

namespace {

constexpr double kDay = 86400, kNode = 8;

const Catalog& shipped() {
  static const Catalog catalog(TOKENFAB_SOURCE_DIR "/hwmodels");
  return catalog;
}

/// Expert parallelism over `chips` H800, 32 experts held twice.
Deployment unit(int chips, std::int64_t sequences, std::int64_t token_budget, double overlap) {
  Deployment d;
  d.chip = shipped().chip("h800"), d.llm = shipped().llm("deepseek-v3"), d.engine = shipped().engine("large-ep");
  d.calibration = shipped().calibration("large-ep--h800");
  d.weights = d.activations = Dtype::fp8;
  d.data_parallel = chips, d.expert_parallel = true, d.overlap = overlap;
  d.routing.redundant = 256 % chips == 0 ? 0 : 32;
  d.max_sequences = sequences, d.token_budget = token_budget;
  d.memory_share = d.engine.memory_share.value;
  return d;
}

/// Of `each` sequences per chip on 144 chips, with two micro-batches that hide the exchange.
double decode_seconds(std::int64_t each, std::int64_t context) {
  StepSums s;
  s.decode_sequences = 144 * each;
  s.decode_kv_tokens = s.decode_sequences * context;
  return StepModel(unit(144, s.decode_sequences, 1, 1)).evaluate(s).total();
}

/// Dispatch and combine of one layer where each of `chips` chips holds 128 tokens.
double exchange_seconds(int chips) {
  StepSums s;
  s.decode_sequences = 128 * chips;
  s.decode_kv_tokens = s.decode_sequences;
  Deployment d = unit(chips, s.decode_sequences, 1, 0);
  d.calibration = nullptr;
  const StepSeconds t = StepModel(d).evaluate(s);
  const auto i = static_cast<std::size_t>(OpClass::all_to_all);
  return (t.work[i] + t.floor[i]) / (d.llm.layers - d.llm.moe->first_dense_layers);
}

}  // namespace

TEST_CASE("dispatch and combine of 128 tokens a chip take what DeepEP's low-latency kernels do") {
  // github:deepseek-ai/DeepEP@0297fc8 docs/legacy.md; the floor was fitted on 128 chips, the rate to other kernels.
  CHECK(exchange_seconds(128) == Approx((192 + 369) * 1e-6).epsilon(0.03));
  CHECK(exchange_seconds(64) == Approx((173 + 314) * 1e-6).epsilon(0.10));
  CHECK(exchange_seconds(256) == Approx((194 + 360) * 1e-6).epsilon(0.15));
}

TEST_CASE("DeepSeek's day: decode nodes at the users' speed make the published tokens, of kernels alone") {
  const std::int64_t each = 88;  // sequences on a chip that give the published 20 to 22 tokens/s to each user
  const double step = decode_seconds(each, 4989);
  CHECK(1 / step > 20);
  CHECK(1 / step < 22);
  const double node = kNode * static_cast<double>(each) / step;
  CHECK(node == Approx(14'800).epsilon(0.15));
  CHECK(168e9 / kDay / node == Approx(131.4).epsilon(0.15));  // nodes
}

TEST_CASE("DeepSeek's day: prefill nodes ran below what they can, as its own profile shows") {
  StepSums s;
  for (int i = 0; i < 32 * 4; ++i) s.add_chunk(0, 4096, true);
  const double step = StepModel(unit(32, 1, s.prefill_tokens, 1)).evaluate(s).total();
  const double capacity = kNode * 16'384 / step;           // tokens/s of a node that are computed
  const double computed = 73'700 * (1 - 342.0 / 608.0);    // of the day, without cache hits
  CHECK(capacity == Approx(62'713).epsilon(0.15));         // the profile, which the fit saw
  CHECK(computed / capacity == Approx(0.5).epsilon(0.1));  // the share of it that the day used
}
