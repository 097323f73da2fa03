// What a calibration changes in step times, and what it must not change.
#include <cmath>

#include "base/rng.h"
#include "hwmodels/step_model.h"
#include "tests/catch.h"
#include "tests/unit/calibration_support.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

std::size_t at(OpClass c) { return static_cast<std::size_t>(c); }
double seconds(const StepSeconds& s, OpClass c) { return s.work[at(c)] + s.floor[at(c)]; }

Deployment plain(int tensor_parallel = 1, int pipeline_parallel = 1) {
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.tensor_parallel = tensor_parallel;
  d.pipeline_parallel = pipeline_parallel;
  d.max_sequences = 64;
  d.token_budget = 512;
  return d;
}

StepModel calibrated(Deployment d, Calibration c) {
  d.calibration = std::make_shared<Calibration>(std::move(c));
  return StepModel(std::move(d));
}

std::vector<StepSums> some_steps() {
  return {{1, 1, 0, 0, 0, 0, 0},
          {3, 40, 0, 0, 0, 0, 0},
          {64, 64 * 900, 0, 0, 0, 0, 0},
          {64, 64 * 90000, 0, 0, 0, 0, 0},
          {0, 0, 200, 1, 200 * 201 / 2, 200, 1},
          {0, 0, 512, 1, 512 * 3000, 3400, 0},
          {17, 17 * 333, 300, 3, 300 * 120, 420, 2}};
}

/// The shapes of the model's own products, `ratio` at each; four times each, so that nothing else is among the nearest.
GemmResidual own_shapes(int tensor_parallel, double ratio) {
  GemmResidual g{{1, 64, 512}, {}};
  for (const OpClass c : {OpClass::qkv_gemm, OpClass::o_gemm, OpClass::mlp_gemm, OpClass::lm_head})
    for (const GemmShape& s : gemm_shapes(c, llama_8b(), tensor_parallel))
      for (int i = 0; i < 4; ++i) g.shapes.push_back({s.n, s.k, {ratio, ratio, ratio}});
  return g;
}

GridResidual random_grid(RandomStream& r, std::vector<double> x, std::vector<double> y) {
  GridResidual g{std::move(x), std::move(y), {}};
  for (std::size_t i = 0; i < g.x.size() * g.y.size(); ++i) g.log_ratio.push_back(2 * r.uniform() - 1);
  return g;
}

}  // namespace

TEST_CASE("residuals of zero change no step") {
  for (const int tp : {1, 2})
    for (const int pp : {1, 2}) {
      Calibration c;
      c.gemm["bf16"] = c.gemm["lm_head"] = own_shapes(tp, 0);
      c.decode["bf16"] = {{1, 512}, {16, 128, 1024}, {0, 0, 0, 0, 0, 0}};
      c.prefill["bf16"] = {{1, 512}, {16, 1024}, {0, 0, 0, 0}};
      const StepModel with = calibrated(plain(tp, pp), c), without(plain(tp, pp));
      for (const StepSums& s : some_steps()) {
        CAPTURE(tp, pp, s.decode_sequences, s.decode_kv_tokens, s.prefill_tokens);
        CHECK(with.evaluate(s).total() == Approx(without.evaluate(s).total()).epsilon(1e-6));
        if (s.prefill_tokens > 0) continue;
        CHECK(seconds_from_ticks(with.decode_line(s.decode_sequences).at(s.decode_kv_tokens)) ==
              Approx(seconds_from_ticks(without.decode_line(s.decode_sequences).at(s.decode_kv_tokens))).epsilon(1e-6));
      }
    }
}

TEST_CASE("a residual of ln 2 doubles its class and no other") {
  const double ln2 = std::log(2.0);
  const auto doubled = [&](const Calibration& c, std::vector<OpClass> classes) {
    const StepModel with = calibrated(plain(2), c), without(plain(2));
    for (const StepSums& s : some_steps()) {
      const StepSeconds a = with.evaluate(s), b = without.evaluate(s);
      for (int i = 0; i < kOpClasses; ++i) {
        const auto op = static_cast<OpClass>(i);
        CAPTURE(kOpClassNames[at(op)], s.decode_sequences, s.prefill_tokens);
        const bool twice = std::find(classes.begin(), classes.end(), op) != classes.end();
        CHECK(seconds(a, op) == Approx(seconds(b, op) * (twice ? 2 : 1)).epsilon(1e-6));
      }
    }
  };
  Calibration c;
  c.gemm["bf16"] = own_shapes(2, ln2);
  doubled(c, {OpClass::qkv_gemm, OpClass::o_gemm, OpClass::mlp_gemm});
  c = {};
  c.gemm["lm_head"] = own_shapes(2, ln2);
  doubled(c, {OpClass::lm_head});
  c = {};
  c.prefill["bf16"] = {{64}, {64}, {ln2}};
  doubled(c, {OpClass::prefill_attention});
  c = {};
  c.decode["bf16"] = {{64}, {64, 256}, {ln2, ln2}};
  doubled(c, {OpClass::decode_attention});
}

TEST_CASE("a product's factor weighs its shapes by their time") {
  Calibration c;  // only the up-projection is slower, twice
  c.gemm["bf16"] = {{1}, {}};
  const std::vector<GemmShape> shapes = gemm_shapes(OpClass::mlp_gemm, llama_8b(), 1);
  REQUIRE(shapes.size() == 2);
  for (int i = 0; i < 4; ++i) {
    c.gemm["bf16"].shapes.push_back({shapes[0].n, shapes[0].k, {std::log(2.0)}});
    c.gemm["bf16"].shapes.push_back({shapes[1].n, shapes[1].k, {0}});
  }
  const Deployment d = plain();
  const OpEfficiency& e = d.engine.ops[at(OpClass::mlp_gemm)];
  const auto time = [&](const GemmShape& s) {
    const OpWork w = gemm_work(s, 32, Dtype::bf16);
    return e.floor.value / 2 +
           std::max(w.bytes / (d.chip.bandwidth.value * e.bandwidth.value), w.flop / (1e15 * e.compute.value));
  };
  const StepSums s{32, 3200, 0, 0, 0, 0, 0};
  const double factor =
      seconds(calibrated(d, c).evaluate(s), OpClass::mlp_gemm) / seconds(StepModel(d).evaluate(s), OpClass::mlp_gemm);
  CHECK(factor == Approx((2 * time(shapes[0]) + time(shapes[1])) / (time(shapes[0]) + time(shapes[1]))).epsilon(1e-6));
}

TEST_CASE("decode lines are the evaluated steps, on the knots and between, and never fall") {
  RandomStream r(21, 0, StreamPurpose::jitter);
  for (int i = 0; i < 12; ++i) {
    Deployment d = plain(1 + i % 2, 1 + (i / 2) % 2);
    if (i % 3 == 0) d.engine.ops[at(OpClass::decode_attention)].compute = made_up(0.003);  // bound by arithmetic
    Calibration c;
    const bool fractions = i % 4 == 3;
    c.decode["bf16"] = random_grid(r, {4, 32, 256},
                                   fractions ? std::vector<double>{0.3, 1, 1.4, 1.7320508, 3, 55.6, 4096}
                                             : std::vector<double>{1, 7, 64, 512, 4096});
    c.gemm["bf16"] = own_shapes(d.tensor_parallel, r.uniform());
    c.sequence_gap = made_up(3e-6);
    const StepModel model = calibrated(d, c);
    for (const std::int64_t n : {1, 2, 5, 33, 64}) {
      const KvLine& line = model.decode_line(n);
      std::vector<std::int64_t> kvs;
      for (const double context : c.decode["bf16"].y)
        for (const double share : {0.5, 0.9, 1.0, 1.1, 1.7})
          kvs.push_back(std::llround(context * share * static_cast<double>(n)));
      kvs.push_back(n * 100000);
      std::sort(kvs.begin(), kvs.end());
      double last = 0;
      for (const std::int64_t kv : kvs) {
        CAPTURE(i, n, kv);
        const double t = seconds_from_ticks(line.at(kv)), evaluated = model.evaluate({n, kv, 0, 0, 0, 0, 0}).total();
        CHECK(t == Approx(evaluated).epsilon(1e-9));
        CHECK(t >= last);
        last = t;
      }
      const auto parts = line.kv_parts(n, 0, 1);
      CHECK(seconds_from_ticks(parts.low + parts.high) ==
            Approx(model.evaluate({n, n, 0, 0, 0, 0, 0}).work[at(OpClass::decode_attention)])
                .epsilon(1e-6)
                .margin(1e-15));
    }
  }
}

TEST_CASE("a decode curve meets the residual at the measured contexts, where it does not fall") {
  Calibration c;
  c.decode["bf16"] = {{8, 512}, {100, 1000}, {0.1, 0.4, 0.1, 0.4}};
  const StepModel with = calibrated(plain(), c), without(plain());
  for (const std::int64_t n : {1, 8, 64})
    for (const auto& [context, ratio] : std::map<std::int64_t, double>{{100, 0.1}, {1000, 0.4}}) {
      const StepSums s{n, n * context, 0, 0, 0, 0, 0};
      CHECK(seconds(with.evaluate(s), OpClass::decode_attention) ==
            Approx(seconds(without.evaluate(s), OpClass::decode_attention) * std::exp(ratio)));
    }
  c.decode["bf16"] = {{8}, {0.2}, {0.1}};  // less than a token is one
  CHECK(calibrated(plain(), c).evaluate({4, 4, 0, 0, 0, 0, 0}).total() > 0);
  // Measured as faster at the longer context: held at what the shorter one takes.
  c.decode["bf16"] = {{8}, {100, 101}, {1, -1}};
  const StepModel held = calibrated(plain(), c);
  CHECK(held.decode_line(4).at(404) == held.decode_line(4).at(400));
}

TEST_CASE(
    "attention residuals: by sequences times KV heads on a chip in a micro-batch; by tokens times heads and context a "
    "chunk") {
  Calibration c;
  c.decode["bf16"] = {{8, 16, 32}, {64}, {0.1, 0.2, 0.3}};
  const double heads = plain().llm.heads;
  c.prefill["bf16"] = {{100 * heads, 200 * heads}, {150, 300, 600}, {0.1, 0.2, 0.3, 0.7, 0.8, 0.9}};
  const auto ratio = [&](int tp, int pp, const StepSums& s, OpClass op) {
    return std::log(seconds(calibrated(plain(tp, pp), c).evaluate(s), op) /
                    seconds(StepModel(plain(tp, pp)).evaluate(s), op));
  };
  const StepSums four{4, 4 * 64, 0, 0, 0, 0, 0};
  CHECK(ratio(1, 1, four, OpClass::decode_attention) == Approx(0.3));
  CHECK(ratio(2, 1, four, OpClass::decode_attention) == Approx(0.2));
  CHECK(ratio(1, 2, four, OpClass::decode_attention) == Approx(0.2));
  CHECK(ratio(2, 2, four, OpClass::decode_attention) == Approx(0.1));
  CHECK(ratio(1, 1, {0, 0, 200, 2, 20000, 600, 0}, OpClass::prefill_attention) == Approx(0.8));
  CHECK(ratio(2, 1, {0, 0, 200, 2, 20000, 600, 0}, OpClass::prefill_attention) == Approx(0.2));
  CHECK(ratio(1, 1, {0, 0, 200, 1, 20000, 600, 0}, OpClass::prefill_attention) == Approx(0.9));
  CHECK(ratio(1, 1, {0, 0, 200, 4, 20000, 600, 0}, OpClass::prefill_attention) == Approx(0.7));
}

TEST_CASE("figures: the calibration's before the engine's, weights' dtype before activations' before none") {
  Deployment d = plain();
  d.weights = Dtype::int4, d.activations = Dtype::fp8, d.kv = Dtype::fp8;
  Calibration c;
  const StepSums s{4, 400, 0, 0, 0, 0, 0};
  const auto check = [&](OpClass op, double share) {
    const double with_one = [&] {
      Deployment one = d;
      one.engine.by_dtype.clear();
      one.engine.ops[at(op)] = {made_up(1), made_up(1), made_up(0)};
      return StepModel(one).evaluate(s).work[at(op)];
    }();
    CHECK(calibrated(d, c).evaluate(s).work[at(op)] == Approx(with_one / share));
  };
  check(OpClass::qkv_gemm, 0.7);
  d.engine.by_dtype["qkv_gemm:fp8"] = figures(0.61);
  check(OpClass::qkv_gemm, 0.61);
  d.engine.by_dtype["qkv_gemm:w-int4"] = figures(0.62);
  check(OpClass::qkv_gemm, 0.62);
  c.ops["qkv_gemm"] = figures(0.63);
  check(OpClass::qkv_gemm, 0.63);
  c.ops["qkv_gemm:fp8"] = figures(0.64);
  check(OpClass::qkv_gemm, 0.64);
  c.ops["qkv_gemm:w-int4"] = figures(0.65);
  check(OpClass::qkv_gemm, 0.65);
  c.ops["qkv_gemm:w-int8"] = c.ops["qkv_gemm:int8"] = figures(0.1);
  check(OpClass::qkv_gemm, 0.65);
  check(OpClass::o_gemm, 0.7);

  check(OpClass::decode_attention, 0.7);
  d.engine.by_dtype["decode_attention:fp8"] = figures(0.5, 1);
  check(OpClass::decode_attention, 0.5);
  c.ops["decode_attention"] = figures(0.4, 1);
  check(OpClass::decode_attention, 0.4);
  c.ops["decode_attention:fp8"] = figures(0.3, 1);
  check(OpClass::decode_attention, 0.3);

  d.weights = Dtype::fp8;  // both fp8: no figures of weights alone
  c.ops["qkv_gemm:w-fp8"] = figures(0.1);
  check(OpClass::qkv_gemm, 0.64);
}

TEST_CASE("residuals follow the same order of dtypes") {
  Deployment d = plain();
  d.weights = Dtype::int4, d.activations = Dtype::fp8;
  const StepSums s{4, 400, 0, 0, 0, 0, 0};
  const double bare = seconds(StepModel(d).evaluate(s), OpClass::o_gemm);
  Calibration c;
  for (const auto& [dtype, factor] :
       std::vector<std::pair<std::string, double>>{{"bf16", 1.1}, {"fp8", 1.2}, {"w-int4", 1.3}}) {
    c.gemm[dtype] = own_shapes(1, std::log(factor));
    c.gemm["w-int8"] = own_shapes(1, 1);
    CHECK(seconds(calibrated(d, c).evaluate(s), OpClass::o_gemm) == Approx(bare * factor));
  }
}

TEST_CASE("gaps and shares of power are the calibration's where it has them") {
  Calibration c;
  c.step_gap = made_up(0.5);
  c.dynamic_host = made_up(0.77);
  const StepModel with = calibrated(plain(), c), without(plain());
  const StepSums s{10, 100, 0, 0, 0, 0, 0};
  CHECK(seconds(with.evaluate(s), OpClass::host) == Approx(0.5 + 10 * 2e-6));
  CHECK(with.dynamic_watts(Bound::host) == Approx(0.77 * 600));
  CHECK(with.dynamic_watts(Bound::compute) == without.dynamic_watts(Bound::compute));
  c.sequence_gap = made_up(1e-3);
  CHECK(seconds(calibrated(plain(), c).evaluate(s), OpClass::host) == Approx(0.51));
}

TEST_CASE("grade and known error are the calibration's, the class defaults' without one") {
  Deployment d = plain();
  CHECK(d.grade() == Grade::datasheet);
  CHECK(d.known_error() == 0);
  d.engine.known_error = made_up(0.3);
  CHECK(d.known_error() == 0.3);
  Calibration c = full_calibration();
  d.calibration = std::make_shared<Calibration>(c);
  CHECK(d.grade() == Grade::measured);
  CHECK(d.known_error() == 0.02);
  c.errors.clear();
  d.calibration = std::make_shared<Calibration>(c);
  CHECK(d.known_error() == 0.3);
}

TEST_CASE("expert-parallel chips copy their own experts' rows, or all where the kernel does") {
  Deployment d = plain(4);
  d.llm = mixtral();
  d.chip.memory = made_up(1e12);
  d.expert_parallel = true;
  Calibration c;
  c.ops["expert_gemm"] = {made_up(1), made_up(1), made_up(0)};
  const StepSums one{1, 1, 0, 0, 0, 0, 0};
  const double own = seconds(calibrated(d, c).evaluate(one), OpClass::expert_gemm);
  c.copies_all_rows = {"expert_gemm"};
  const double all = seconds(calibrated(d, c).evaluate(one), OpClass::expert_gemm);
  const double rows = 2 * (4.0 * 4096 + 6.0 * 14336) * 2 * 32 / d.chip.bandwidth.value;  // of one token in 32 layers
  CHECK(all - own == Approx(0.75 * rows));
  d.expert_parallel = false;
  CHECK(seconds(calibrated(d, c).evaluate(one), OpClass::expert_gemm) > own);  // and no less where experts are cut
}
