// Closed forms of techniques in the step model: speculation, quantization, windows, experts, SRAM pipelines, tiles.
#include <cmath>

#include "base/error.h"
#include "hwmodels/step_model.h"
#include "tests/catch.h"
#include "tests/support/deployments.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

std::size_t at(OpClass c) { return static_cast<std::size_t>(c); }

/// A decode step of `n` sequences with `context` tokens each.
StepSums decode(const StepModel& model, std::int64_t n, std::int64_t context) {
  const Deployment& d = model.deployment();
  StepSums s;
  s.decode_sequences = n;
  s.decode_kv_tokens = n * context * d.kv_quanta();
  if (d.llm.window) s.decode_window_tokens = n * std::min<std::int64_t>(context, d.llm.window->tokens) * d.kv_quanta();
  return s;
}

double seconds(const StepModel& model, std::int64_t n, std::int64_t context) {
  return model.evaluate(decode(model, n, context)).total();
}

/// Tokens a second of all sequences.
double rate(const StepModel& model, std::int64_t n, std::int64_t context) {
  const double tokens = static_cast<double>(n) * model.pace(n) / model.deployment().kv_quanta();
  return tokens / seconds(model, n, context);
}

Speculation chain(int depth, double acceptance) {
  Speculation s;
  s.depth = s.drafted = depth;
  s.acceptance.assign(static_cast<std::size_t>(depth), acceptance);
  return s;
}

Deployment with(Speculation s) {
  Deployment d = deployment(llama_8b(), ideal_engine());
  d.speculation = std::move(s);
  return d;
}

MoeShape many_experts() { return {64, 4, 0, 2048, 0, false}; }

Deployment experts_on(int ranks) {
  Llm m = llama_8b();
  m.moe = many_experts();
  Deployment d = deployment(m, ideal_engine());
  d.chip.memory = made_up(400e9);
  d.data_parallel = ranks;
  d.expert_parallel = true;
  return d;
}

}  // namespace

TEST_CASE("a step of speculation yields (1 - a^(g+1)) / (1 - a) tokens") {
  for (const double a : {0.0, 0.3, 0.8, 0.95})
    for (const int g : {1, 2, 4, 9}) {
      CAPTURE(a, g);
      const Speculation s = chain(g, a);
      CHECK(s.expected_tokens(g) == Approx((1 - std::pow(a, g + 1)) / (1 - a)).epsilon(1e-12));
      double total = 0, mean = 0;
      const std::vector<double> gains = s.gains();
      for (std::size_t i = 0; i < gains.size(); ++i) total += gains[i], mean += gains[i] * static_cast<double>(i + 1);
      CHECK(total == Approx(1).epsilon(1e-12));
      CHECK(mean == Approx(s.expected_tokens(g)).epsilon(1e-12));
    }
  CHECK(chain(2, 0.8).expected_tokens(2) == Approx(2.44));
  CHECK(chain(4, 0.8).expected_tokens(4) == Approx(3.3616));
  CHECK(chain(9, 0.8).expected_tokens(9) == Approx(4.4631).epsilon(1e-4));
}

TEST_CASE("free drafts speed up what memory bounds by the tokens they yield, and slow down what arithmetic bounds") {
  const StepModel plain(deployment(llama_8b(), ideal_engine())), spec(with(chain(3, 0.7)));
  const double tokens = chain(3, 0.7).expected_tokens(3);
  CHECK(rate(spec, 1, 100) / rate(plain, 1, 100) == Approx(tokens).epsilon(0.02));  // the verified tokens' own traffic
  // At 256 sequences of 4 tokens the products are bound by arithmetic: 4 times the work for 2.533 tokens.
  const StepSeconds busy = spec.evaluate(decode(spec, 256, 10)), before = plain.evaluate(decode(plain, 256, 10));
  CHECK(busy.bound[at(OpClass::mlp_gemm)] == Bound::compute);
  const double slower = rate(spec, 256, 10) / rate(plain, 256, 10);
  CHECK(slower < 1);
  CHECK(busy.work[at(OpClass::mlp_gemm)] / before.work[at(OpClass::mlp_gemm)] > 3.5);
}

TEST_CASE("a drafter costs its passes, its memory and its reading of the cache") {
  Speculation s = chain(4, 0.8);
  s.drafter = draft_layers(llama_8b(), 2);
  const StepModel spec(with(s)), free(with(chain(4, 0.8)));
  Deployment alone = deployment(*s.drafter, ideal_engine());
  const StepModel drafter(alone);
  const double drafts = seconds(spec, 8, 1000) - seconds(free, 8, 1000);
  CHECK(drafts == Approx(4 * seconds(drafter, 8, 1000)).epsilon(1e-9));
  CHECK(spec.memory().draft_weight_bytes == Approx(drafter.memory().weight_bytes));
  CHECK(spec.memory().kv_blocks < free.memory().kv_blocks);
  s.parallel = true;
  const StepModel heads(with(s));
  CHECK(seconds(heads, 8, 1000) - seconds(free, 8, 1000) == Approx(seconds(drafter, 8, 1000)).epsilon(1e-9));
}

TEST_CASE("adaptive drafts are as deep as is fastest, and stop where they would slow down") {
  Speculation s = chain(6, 0.8);
  s.adaptive = true;
  const StepModel adaptive(with(s)), plain(deployment(llama_8b(), ideal_engine()));
  CHECK(adaptive.step_tokens(1) == 7);
  for (const std::int64_t n : {1, 8, 32, 64, 128, 256}) {
    CAPTURE(n);
    double best = rate(plain, n, 1024);
    for (int depth = 1; depth <= 6; ++depth) best = std::max(best, rate(StepModel(with(chain(depth, 0.8))), n, 1024));
    CHECK(rate(adaptive, n, 1024) == Approx(best).epsilon(0.03));  // paces are whole sixteenths of a token
  }
}

TEST_CASE("the line of a speculative or windowed decode step is the step evaluated directly") {
  Speculation s = chain(3, 0.6);
  s.drafter = draft_layers(llama_8b(), 1);
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.llm.window = WindowShape{128, 24};
  d.speculation = s;
  const StepModel model(d);
  for (const std::int64_t n : {1, 7, 64})
    for (const std::int64_t context : {1, 100, 5000}) {
      const StepSums sums = decode(model, n, context);
      CHECK(seconds_from_ticks(model.decode_line(n).at(model.kv_units(sums))) ==
            Approx(model.evaluate(sums).total()).epsilon(1e-9));
    }
}

TEST_CASE("weights of 4 bits gain while memory bounds, and nothing where arithmetic does") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  d.max_sequences = 8192;
  const StepModel bf16(d);
  for (const auto& [dtype, bits] :
       {std::pair{Dtype::int8, 8.0}, {Dtype::int4, 4.125}, {Dtype::int3, 3.125}, {Dtype::int2, 2.125}}) {
    d.weights = dtype;
    const StepModel quantized(d);
    const auto mlp = [&](const StepModel& m, std::int64_t n) {
      return m.evaluate(decode(m, n, 1)).work[at(OpClass::mlp_gemm)];
    };
    CHECK(mlp(bf16, 1) / mlp(quantized, 1) == Approx(16 / bits).epsilon(0.01));
    CHECK(mlp(bf16, 4096) == Approx(mlp(quantized, 4096)));
  }
}

TEST_CASE("a window bounds what attention reads, and what the cache holds") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  const StepModel full(d);
  d.llm.window = WindowShape{1024, 24};  // 24 of 32 layers
  const StepModel windowed(d);
  const auto attention = [](const StepModel& m, std::int64_t context) {
    return m.evaluate(decode(m, 4, context)).work[at(OpClass::decode_attention)];
  };
  CHECK(attention(windowed, 1000) == Approx(attention(full, 1000)));
  const double share = (8.0 + 24.0 * 1024 / 65536) / 32;
  CHECK(attention(windowed, 65536) / attention(full, 65536) == Approx(share).epsilon(1e-3));
  CHECK(windowed.memory().full_pages == 1);
  CHECK(windowed.memory().window_pages == 3);
  CHECK(static_cast<double>(windowed.memory().kv_blocks) ==
        Approx(4.0 * static_cast<double>(full.memory().kv_blocks)).epsilon(1e-3));
  StepSums once, parts;
  once.add_chunk(0, 5000, true, 1024);
  for (std::int64_t from = 0; from < 5000; from += 1000) parts.add_chunk(from, 1000, from == 4000, 1024);
  CHECK(once.prefill_window_attention == parts.prefill_window_attention);
  CHECK(once.prefill_window_attention == 1024 * 1025 / 2 + (5000 - 1024) * 1024);
  CHECK(once.prefill_attention == parts.prefill_attention);
}

TEST_CASE("skewed experts are touched less and load their chips unevenly; copies of the busiest even it out") {
  const MoeShape shape{256, 8, 0, 2048, 0, false};
  const ExpertLoad even(shape, {}, 32), skewed(shape, {0.8, 0}, 32), copied(shape, {0.8, 32}, 32);
  CHECK(even.imbalance() == 1);
  CHECK(skewed.imbalance() > 1.2);
  CHECK(copied.imbalance() < skewed.imbalance());
  for (const double tokens : {1.0, 10.0, 300.0}) CHECK(skewed.coverage(tokens) < even.coverage(tokens) + 1e-12);
  CHECK(even.coverage(20) == Approx(1 - std::pow(1 - 8.0 / 256, 20)));
  double sum = 0;
  for (const double p : skewed.popularity()) sum += p;
  CHECK(sum == Approx(8));
  CHECK(ExpertLoad(shape, {3, 0}, 1).popularity()[0] <= 1);  // a token asks for an expert once
}

TEST_CASE("data-parallel ranks split attention and cache, and the experts lie on all of them") {
  Deployment d = experts_on(8);
  d.chip.link = made_up(1e18);  // no cost of communication but latency
  d.chip.link_latency = made_up(0);
  const StepModel eight(d), one(experts_on(1));
  // 8 times the sequences on 8 ranks: the same attention, an eighth of the experts' weights each, the same rows.
  const StepSeconds a = eight.evaluate(decode(eight, 64, 2000)), b = one.evaluate(decode(one, 8, 2000));
  CHECK(a.work[at(OpClass::decode_attention)] == Approx(b.work[at(OpClass::decode_attention)]));
  CHECK(a.work[at(OpClass::qkv_gemm)] == Approx(b.work[at(OpClass::qkv_gemm)]));
  const ExpertLoad load(many_experts(), {}, 8);
  const double weights = 3.0 * 4096 * 2048 * 64 * 32 * 2 / 8 / 4e12;
  CHECK(a.work[at(OpClass::expert_gemm)] > weights * load.coverage(64));
  CHECK(eight.memory().weight_bytes < one.memory().weight_bytes);
  CHECK(eight.memory().kv_blocks > 8 * one.memory().kv_blocks);
  CHECK_THROWS_AS(StepModel([] {
                    Deployment bad = deployment(llama_8b(), ideal_engine());
                    bad.data_parallel = 2;
                    return bad;
                  }()),
                  UserError);
}

TEST_CASE("overlapped all-to-all is hidden behind other work as far as that reaches") {
  Deployment d = experts_on(8);
  d.max_sequences = 4096;
  const StepModel exposed(d);
  d.overlap = 1;
  const StepModel hidden(d);
  d.chip.link = made_up(1e9);  // a slow network cannot be hidden
  const StepModel slow(d);
  const auto network = [](const StepModel& m) {
    const StepSeconds s = m.evaluate(decode(m, 4096, 500));
    return s.work[at(OpClass::all_to_all)] + s.floor[at(OpClass::all_to_all)];
  };
  CHECK(network(exposed) > 0);
  CHECK(network(hidden) == 0);
  CHECK(network(slow) > 0);
}

TEST_CASE("an SRAM pipeline passes one token per chip on: latency is one sweep, throughput fills the chips") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  d.chip.family = "sram-pipeline";
  d.chip.memory = made_up(0.23e9);
  d.chip.bandwidth = made_up(80e12);
  d.weights = Dtype::int8;
  d.pipeline_parallel = 100;
  const StepModel model(d);
  const double sweep = (count_parameters(d.llm).total - count_parameters(d.llm).embedding) / 80e12;
  CHECK(model.evaluate(decode(model, 1, 1)).work[at(OpClass::mlp_gemm)] < sweep);
  const auto products = [&](std::int64_t n) {
    const StepSeconds s = model.evaluate(decode(model, n, 1));
    double t = 0;
    for (const OpClass c : {OpClass::qkv_gemm, OpClass::o_gemm, OpClass::mlp_gemm, OpClass::lm_head})
      t += s.work[at(c)];
    return t;
  };
  CHECK(products(1) == Approx(sweep).epsilon(0.01));
  CHECK(products(100) == Approx(products(1)));  // a token on every chip
  CHECK(products(200) > products(100));         // two tokens a chip
  StepSums prompt;
  prompt.add_chunk(0, 100, true);
  CHECK(model.evaluate(prompt).work[at(OpClass::mlp_gemm)] ==  // a prompt's tokens follow each other
        Approx(model.evaluate(decode(model, 1, 1)).work[at(OpClass::mlp_gemm)]).epsilon(1e-3));
  d.pipeline_parallel = 20;
  CHECK_THROWS_AS(StepModel(d), Infeasible);
}

TEST_CASE("a systolic array multiplies whole tiles") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  d.engine.ops[at(OpClass::mlp_gemm)].compute = made_up(0.01);  // bound by arithmetic at every size
  d.chip.matrix_tile = 128;
  const StepModel tiled(d);
  const auto mlp = [&](std::int64_t n) { return tiled.evaluate(decode(tiled, n, 1)).work[at(OpClass::mlp_gemm)]; };
  CHECK(mlp(1) == mlp(128));
  CHECK(mlp(129) == Approx(2 * mlp(128)));
}

TEST_CASE("weights beyond the memory are read from behind it, at its pace") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  const StepModel plain(d);
  d.chip.family = "tiered";
  d.chip.memory = made_up(14e9);
  d.chip.backing = Backing{made_up(1e12), made_up(100e9)};
  const StepModel tiered(d);
  const MemoryPlan& plan = tiered.memory();
  CHECK(plan.backing_bytes > 0);
  CHECK(plan.kv_bytes > 0);
  const double share = plan.backing_bytes / plan.weight_bytes;
  const auto mlp = [](const StepModel& m) { return m.evaluate(decode(m, 1, 1)).work[at(OpClass::mlp_gemm)]; };
  CHECK(mlp(tiered) / mlp(plain) == Approx(1 - share + share * 4e12 / 100e9).epsilon(1e-3));
}

TEST_CASE("images cost their encoder's arithmetic beside their prompt tokens") {
  Deployment d = deployment(llama_8b(), ideal_engine());
  d.llm.encoder = Encoder{"made up", made_up(400e6), made_up(4096), made_up(256)};
  const StepModel model(d);
  StepSums text, images;
  text.add_chunk(0, 1024, true);
  images.add_chunk(0, 1024, true);
  images.encoder_tokens = 512;  // two images
  CHECK(model.evaluate(images).total() - model.evaluate(text).total() == Approx(2 * 2 * 400e6 * 4096 / 1e15));
  CHECK(model.work(images).flop - model.work(text).flop == Approx(2 * 2 * 400e6 * 4096));
}
