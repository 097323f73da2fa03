// Limits in which the step model has a closed form.
#include <cmath>

#include "base/error.h"
#include "hwmodels/collectives.h"
#include "hwmodels/step_model.h"
#include "tests/catch.h"
#include "tests/support/deployments.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

std::size_t at(OpClass c) { return static_cast<std::size_t>(c); }

StepSums decode(std::int64_t sequences, std::int64_t kv) {
  StepSums s;
  s.decode_sequences = sequences;
  s.decode_kv_tokens = kv;
  return s;
}

StepSums prefill(std::int64_t tokens) {
  StepSums s;
  s.prefill_sequences = s.prefill_outputs = 1;
  s.prefill_tokens = s.prefill_kv_tokens = tokens;
  s.prefill_attention = tokens * (tokens + 1) / 2;
  return s;
}

}  // namespace

TEST_CASE("decode at batch 1 on an ideal engine is weights and KV over bandwidth") {
  const StepModel model(deployment(llama_8b(), ideal_engine()));
  const ParameterCount count = count_parameters(llama_8b());
  const double streamed = count.total - count.embedding - count.norms;  // one row of the input table is read
  const double kv = 1000;
  const double bytes = 2 * streamed + kv * 2 * kv_elements_per_token_layer(llama_8b()) * 32;
  const double seconds = model.evaluate(decode(1, 1000)).total();
  CHECK(seconds >= bytes / 4e12);
  CHECK(seconds == Approx(bytes / 4e12).epsilon(2e-3));  // the rest is the activations of one token
}

TEST_CASE("a large prefill on an ideal engine is FLOP over peak") {
  const StepModel model(deployment(llama_8b(), ideal_engine()));
  const std::int64_t n = 8192;
  const ParameterCount count = count_parameters(llama_8b());
  const double linear = 2.0 * (count.total - count.embedding - count.lm_head - count.norms) * n + 2.0 * count.lm_head;
  const double attention = 4.0 * 32 * 128 * 32 * (n * (n + 1) / 2);
  const StepSeconds s = model.evaluate(prefill(n));
  for (const OpClass c : {OpClass::qkv_gemm, OpClass::o_gemm, OpClass::mlp_gemm, OpClass::prefill_attention})
    CHECK(s.bound[at(c)] == Bound::compute);
  const double matrix = s.work[at(OpClass::qkv_gemm)] + s.work[at(OpClass::o_gemm)] + s.work[at(OpClass::mlp_gemm)] +
                        s.work[at(OpClass::prefill_attention)];
  CHECK(matrix == Approx((linear - 2.0 * count.lm_head + attention) / 1e15).epsilon(1e-12));
  CHECK(model.work(prefill(n)).flop == Approx(linear + attention).epsilon(1e-12));
}

TEST_CASE("the decode table's line equals the roofline evaluated directly") {
  for (const auto& engine : {ideal_engine(), realistic_engine()}) {
    Deployment d = deployment(llama_8b(), engine);
    d.engine.ops[at(OpClass::decode_attention)].compute = made_up(0.004);  // so that a knot exists
    const StepModel model(d);
    bool low = false, high = false;
    for (const std::int64_t n : {1, 7, 64, 256})
      for (const std::int64_t kv : {1, 100, 1000, 5000, 100000, 10000000}) {
        const double direct = model.evaluate(decode(n, kv)).total();
        CHECK(seconds_from_ticks(model.decode_line(n).at(kv)) == Approx(direct).epsilon(1e-9));
        (kv < model.decode_line(n).knot() ? low : high) = true;
      }
    CHECK(high);
    if (engine.id == "ideal") CHECK(low);
  }
}

TEST_CASE("experts touched follow 1-(1-k/E)^n") {
  Deployment d = deployment(mixtral(), ideal_engine());
  d.chip.memory = made_up(200e9);
  const StepModel model(d);
  CHECK(model.expert_coverage(1) == Approx(0.25));
  CHECK(model.expert_coverage(2) == Approx(1 - 0.75 * 0.75));
  CHECK(model.expert_coverage(10000) == Approx(1));
  const ParameterCount count = count_parameters(mixtral());
  const double one = model.evaluate(decode(1, 1)).work[at(OpClass::expert_gemm)];
  const double activations = 32 * 2 * (4.0 * 4096 + 6.0 * 14336) * 2 / 4e12;  // of one token
  CHECK(one == Approx(2 * count.expert * 2 * 32 / 4e12 + activations).epsilon(1e-9));
}

TEST_CASE("each product of a layer is launched once: latent attention has four, a router is half an MLP") {
  const auto floors = [](Llm m, OpClass c) {
    Deployment d = deployment(std::move(m), ideal_engine());
    d.chip.memory = made_up(1e12);
    d.engine.ops[at(c)].floor = made_up(1e-6);
    return StepModel(d).evaluate(decode(1, 1)).floor[at(c)];
  };
  Llm latent = llama_8b();
  CHECK(floors(latent, OpClass::qkv_gemm) == Approx(32e-6));
  latent.mla = MlaShape{1536, 512, 128, 64, 128};
  latent.kv_heads = latent.heads;
  CHECK(floors(latent, OpClass::qkv_gemm) == Approx(4 * 32e-6));
  latent.mla->q_lora_rank = 0;
  CHECK(floors(latent, OpClass::qkv_gemm) == Approx(3 * 32e-6));
  Llm experts = mixtral();
  CHECK(floors(llama_8b(), OpClass::mlp_gemm) == Approx(32e-6));  // the floor of gate with up and down
  CHECK(floors(experts, OpClass::mlp_gemm) == Approx(0.5 * 32e-6));
  experts.moe->shared_experts = 1;
  CHECK(floors(experts, OpClass::mlp_gemm) == Approx(1.5 * 32e-6));
  experts.moe->first_dense_layers = 2;
  CHECK(floors(experts, OpClass::mlp_gemm) == Approx((2 + 1.5 * 30) * 1e-6));
}

TEST_CASE("tensor parallelism divides weights and KV, and pays for all-reduce") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  const StepModel one(d);
  d.tensor_parallel = 4;
  const StepModel four(d);
  const auto a = one.evaluate(decode(8, 8000)), b = four.evaluate(decode(8, 8000));
  for (const OpClass c : {OpClass::mlp_gemm, OpClass::decode_attention})
    CHECK(b.work[at(c)] == Approx(a.work[at(c)] / 4).epsilon(2e-2));
  CHECK(a.work[at(OpClass::all_reduce)] == 0);
  // Direct all-reduce over a switch: 2 (N-1)/N of the message over one chip's link, twice a layer.
  CHECK(b.work[at(OpClass::all_reduce)] == Approx(2 * 32 * 8 * 4096 * 2 * 2 * 0.75 / 400e9));
  CHECK(four.memory().kv_bytes_per_token == Approx(one.memory().kv_bytes_per_token / 4));
  CHECK(four.work(decode(8, 8000)).flop == Approx(one.work(decode(8, 8000)).flop).epsilon(1e-12));
}

TEST_CASE("pipeline parallelism with full micro-batches streams the same weights per chip and token") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  const StepModel one(d);
  d.pipeline_parallel = 4;
  const StepModel four(d);
  // 4 micro-batches of 8: each stage reads its quarter of the weights 4 times per round.
  const auto a = one.evaluate(decode(8, 8000)), b = four.evaluate(decode(32, 32000));
  CHECK(b.work[at(OpClass::mlp_gemm)] == Approx(a.work[at(OpClass::mlp_gemm)]).epsilon(1e-12));
  CHECK(b.work[at(OpClass::decode_attention)] == Approx(a.work[at(OpClass::decode_attention)]).epsilon(1e-12));
  // One sequence alone walks through all stages: latency is not divided.
  CHECK(four.evaluate(decode(1, 1000)).work[at(OpClass::mlp_gemm)] ==
        Approx(one.evaluate(decode(1, 1000)).work[at(OpClass::mlp_gemm)]).epsilon(1e-12));
}

TEST_CASE("quantized weights shrink the bandwidth-bound step and the memory") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  const StepModel bf16(d);
  d.weights = Dtype::int4;
  const StepModel int4(d);
  const double ratio =
      int4.evaluate(decode(1, 1)).work[at(OpClass::mlp_gemm)] / bf16.evaluate(decode(1, 1)).work[at(OpClass::mlp_gemm)];
  CHECK(ratio == Approx((0.5 + 2.0 / 128) / 2).epsilon(1e-3));
  CHECK(int4.memory().kv_blocks > bf16.memory().kv_blocks);
  d.kv = Dtype::fp8;
  CHECK(StepModel(d).memory().kv_bytes_per_token == Approx(bf16.memory().kv_bytes_per_token / 2));
}

TEST_CASE("a model that does not fit is refused with the arithmetic") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  d.chip.memory = made_up(16e9);
  CHECK_THROWS_AS(StepModel(d), Infeasible);
  try {
    StepModel refused(d);
  } catch (const Infeasible& e) {
    const std::string text = e.what();
    for (const char* part : {"16.1 GB per chip", "14.4 GB = 0.90 x 16.0 GB", "at least 2 of them"})
      CHECK_THAT(text, Catch::Contains(part));
  }
  d = deployment(llama_8b(), ideal_engine());
  d.tensor_parallel = 3;
  CHECK_THROWS_AS(StepModel(d), UserError);
  d.tensor_parallel = 1;
  d.activations = Dtype::int8;
  CHECK_THROWS_AS(StepModel(d), UserError);
}

TEST_CASE("collectives take the fabric's bottleneck") {
  Chip chip = round_chip();
  CHECK(all_reduce_cost(chip, 1).seconds_per_byte == 0);
  CHECK(all_reduce_cost(chip, 8).seconds_per_byte == Approx(2 * 7.0 / 8 / 400e9));
  CHECK(all_reduce_cost(chip, 8).latency == Approx(2e-6));
  chip.topology = "mesh";  // a pair has 1/7 of a chip's links
  CHECK(all_reduce_cost(chip, 8).seconds_per_byte == Approx(2.0 / 8 / (400e9 / 7)));
  CHECK(all_reduce_cost(chip, 2).seconds_per_byte == Approx(2.0 / 2 / (400e9 / 7)));
  // Two servers: 8 of each chip's 15 flows cross its network card.
  CHECK(all_to_all_cost(chip, 16).seconds_per_byte == Approx(8.0 / 16 / 50e9));
  CHECK(send_cost(chip, 8).seconds_per_byte == Approx(1 / 50e9));
}

TEST_CASE("joules follow seconds by bound") {
  const StepModel model(deployment(llama_8b(), ideal_engine()));
  const StepSeconds s = model.evaluate(decode(1, 1000));
  CHECK(model.dynamic_joules(s) == Approx(s.total() * 0.6 * 600).epsilon(1e-9));  // all bandwidth-bound
}
