// How far a deployment can be trusted, and what a scale of its step times does.
#include "hwmodels/trust.h"

#include "sim/fleet/factory.h"
#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/sources.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

Calibration calibration(std::vector<FitError> errors) {
  Calibration c;
  c.id = "ideal--round-chip";
  c.grade = Grade::measured;
  c.errors = std::move(errors);
  c.range = {4096, 128, 8000, {1, 2}};
  return c;
}

Deployment calibrated(const Calibration& c) {
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.calibration = std::make_shared<Calibration>(c);
  return d;
}

RunRecord one_request(double time_scale) {
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.time_scale = time_scale;
  PoolSpec pool;
  pool.model = std::make_shared<StepModel>(d);
  pool.batcher.kv_blocks = 4000;
  Request request;
  request.input_tokens = 3000;
  request.output_tokens = 500;
  VectorSource source({request});
  FactorySpec spec;
  spec.pools.push_back(pool);
  RunRecord record;
  record.keeps_rows = true;
  simulate(spec, source, record);
  return record;
}

}  // namespace

TEST_CASE("trust rests on whole steps before operators, and on the worst of them") {
  const FitError gemm{"mlp_gemm:fp8", "every third", 0.2, 0.2, 0.5, 0, 30};
  const FitError decode{"decode step", "every third", 0.03, 0.04, 0.08, 0.01, 12};
  const FitError served{"llama TPOT", "another chip", 0.06, 0.07, 0, -0.02, 1};
  const Trust steps = trust_of(calibrated(calibration({gemm, decode, served})));
  CHECK(steps.grade == Grade::measured);
  CHECK(steps.calibration == "ideal--round-chip");
  CHECK(steps.typical == 0.06);
  CHECK(steps.band == Approx(0.12));  // no 90th percentile: twice the median
  CHECK(steps.bias == -0.02);
  CHECK_THAT(steps.basis,
             Catch::Contains("llama TPOT") && Catch::Contains("1 measured point ") && Catch::Contains("another chip"));
  CHECK(trust_of(calibrated(calibration({gemm, decode}))).band == 0.08);
  const Trust operators = trust_of(calibrated(calibration({gemm})));
  CHECK(operators.band == 0.5);
  CHECK_THAT(operators.basis, Catch::Contains("no whole step"));
}

TEST_CASE("without a calibration trust rests on the engine profile, or on nothing and says so") {
  Deployment d = deployment(llama_8b(), realistic_engine());
  Trust t = trust_of(d);
  CHECK(t.grade == Grade::datasheet);
  CHECK((t.typical == 0 && t.band == 0));
  CHECK_THAT(t.basis, Catch::StartsWith("not measured"));
  CHECK(t.extrapolations == std::vector<std::string>{"class defaults of ideal on round-chip"});
  d.engine.known_error = made_up(0.05);
  t = trust_of(d);
  CHECK(t.typical == 0.05);
  CHECK(t.band == Approx(0.1));
  CHECK(d.known_error() == 0.05);
}

TEST_CASE("a deployment outside its calibration is flagged, one inside is not") {
  const Calibration c = calibration({});
  Deployment d = calibrated(c);
  d.tensor_parallel = 2;
  CHECK(trust_of(d).extrapolations.empty());
  d.tensor_parallel = 4;
  CHECK(trust_of(d).extrapolations == std::vector<std::string>{"tensor parallel 4; calibrated at 1, 2"});
  d.tensor_parallel = d.pipeline_parallel = 2;
  CHECK(trust_of(d).extrapolations.size() == 1);
  d.pipeline_parallel = 1;
  d.kv = Dtype::fp8;
  REQUIRE(trust_of(d).extrapolations.size() == 1);
  CHECK_THAT(trust_of(d).extrapolations[0], Catch::StartsWith("fp8 KV cache"));
  d.engine.by_dtype["prefill_attention:fp8"] = d.engine.by_dtype["decode_attention:fp8"] = d.engine.ops[0];
  CHECK(trust_of(d).extrapolations.empty());
  d.weights = Dtype::int4;
  REQUIRE(trust_of(d).extrapolations.size() == 1);
  CHECK_THAT(trust_of(d).extrapolations[0], Catch::StartsWith("int4 weights with bf16 products"));
}

TEST_CASE("shapes are flagged exactly beyond the calibrated range") {
  const Deployment d = calibrated(calibration({}));
  CHECK(beyond_range(d, {128, 8000, 4096}).empty());
  CHECK(beyond_range(d, {129, 8000, 4096}) ==
        std::vector<std::string>{"decode batches of up to 129 sequences; calibrated to 128"});
  CHECK(beyond_range(d, {128, 8001, 4097}).size() == 2);
  CHECK(beyond_range(deployment(llama_8b(), ideal_engine()), {1000, 100'000, 100'000}).empty());
}

TEST_CASE("a time scale multiplies every class of every step") {
  Calibration c = calibration({});
  c.gemm["bf16"] = {{1, 100}, {{4096, 4096, {0.1, -0.2}}}};
  c.decode["bf16"] = {{8, 800}, {100, 10'000}, {0.1, 0.2, -0.1, 0.3}};
  c.prefill["bf16"] = {{100, 1000}, {100, 10'000}, {0.1, 0.2, -0.1, 0.3}};
  for (Deployment d : {calibrated(c), deployment(mixtral(), realistic_engine())}) {
    d.tensor_parallel = 2;
    const StepModel plain(d);
    d.time_scale = 1.25;  // exact in binary
    const StepModel scaled(d);
    StepSums sums{20, 20 * 700, 300, 2, 60'000, 900, 1};
    const StepSeconds a = plain.evaluate(sums), b = scaled.evaluate(sums);
    for (std::size_t op = 0; op < kOpClasses; ++op) {
      CAPTURE(op);
      CHECK(b.work[op] == Approx(1.25 * a.work[op]).epsilon(1e-12));
      CHECK(b.floor[op] == Approx(1.25 * a.floor[op]).epsilon(1e-12));
      CHECK(b.bound[op] == a.bound[op]);
    }
    for (const std::int64_t n : {1, 7, 256})
      for (const std::int64_t context : {1, 900, 20'000})
        CHECK(seconds_from_ticks(scaled.decode_line(n).at(n * context)) ==
              Approx(1.25 * seconds_from_ticks(plain.decode_line(n).at(n * context))).epsilon(1e-9));
  }
}

TEST_CASE("an unloaded request's TTFT and TPOT scale with the time scale") {
  const RunRecord plain = one_request(1), scaled = one_request(1.3);
  const RequestRow &a = plain.rows.at(0), &b = scaled.rows.at(0);
  const double ns = 1.5;  // both ends are whole nanoseconds
  CHECK(std::abs(static_cast<double>(b.first_token) - 1.3 * static_cast<double>(a.first_token)) <= ns);
  const auto decode = [](const RequestRow& r) { return static_cast<double>(r.finish - r.first_token); };
  CHECK(std::abs(decode(b) - 1.3 * decode(a)) <= 2 * ns);
  CHECK(decode(b) > 1e9);  // so that those nanoseconds are 1e-9 of it
}

TEST_CASE("the largest shapes of a run are those of its steps") {
  PoolSpec pool;
  pool.model = std::make_shared<StepModel>(deployment(llama_8b(), realistic_engine()));
  pool.batcher.kv_blocks = 4000;
  Request request;
  request.input_tokens = 100;
  request.output_tokens = 50;
  for (const bool stepwise : {false, true}) {
    VectorSource source(std::vector<Request>(8, request));
    FactorySpec spec;
    spec.stepwise = stepwise;
    spec.pools.push_back(pool);
    RunRecord record;
    simulate(spec, source, record);
    CHECK(record.pools[0].most_sequences == 8);
    CHECK(record.pools[0].most_context == 149);  // the last decode step: all but the token it makes
    CHECK(record.pools[0].most_tokens == 701);   // seven prompts beside the first to come, which decodes
  }
}
