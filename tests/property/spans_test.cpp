// Spans, single steps and a naive reference that visits every sequence must give the same times to the nanosecond.
#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/reference_simulator.h"
#include "tests/support/runs.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

struct Case {
  PoolSpec pool;
  std::vector<Request> requests;
  std::string router = "least-outstanding";
};

std::vector<Request> random_requests(RandomStream& r, std::int64_t count, double mean_gap_s, std::int64_t longest) {
  std::vector<Request> out;
  Ns t = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    Request q;
    if (r.uniform() < 0.9) t += ns_from_seconds(mean_gap_s * r.exponential());  // the rest arrive together
    q.arrival = t;
    q.id = i;
    q.input_tokens = static_cast<std::int32_t>(1 + r.below(static_cast<std::uint64_t>(longest)));
    q.output_tokens = static_cast<std::int32_t>(1 + r.below(static_cast<std::uint64_t>(longest) / 2));
    out.push_back(q);
  }
  return out;
}

std::vector<double> ascending(RandomStream& r, std::size_t count, double first, double step) {
  std::vector<double> out = {first * (0.5 + r.uniform())};
  while (out.size() < count) out.push_back(out.back() * (1 + step * r.uniform()));
  return out;
}

GridResidual random_grid(RandomStream& r) {
  GridResidual g{ascending(r, 1 + r.below(4), 4, 6), ascending(r, 1 + r.below(11), 8, 2), {}};
  for (std::size_t i = 0; i < g.x.size() * g.y.size(); ++i) g.log_ratio.push_back(3 * r.uniform() - 1.5);
  return g;
}

/// Some or all of: residuals of products and attention, figures of its own, gaps.
std::shared_ptr<const Calibration> random_calibration(RandomStream& r) {
  auto c = std::make_shared<Calibration>();
  for (const char* dtype : {"bf16", "lm_head"}) {
    if (r.below(4) == 0) continue;
    GemmResidual& g = c->gemm[dtype];
    g.rows = ascending(r, 1 + r.below(5), 2, 9);
    for (auto left = 1 + r.below(6); left > 0; --left) {
      g.shapes.push_back({std::exp2(9 + 8 * r.uniform()), std::exp2(9 + 6 * r.uniform()), {}});
      for (std::size_t i = 0; i < g.rows.size(); ++i) g.shapes.back().log_ratio.push_back(2 * r.uniform() - 1);
    }
  }
  if (r.below(5)) c->decode["bf16"] = random_grid(r);
  if (r.below(3)) c->prefill["bf16"] = random_grid(r);
  for (const char* name : {"mlp_gemm", "decode_attention", "all_reduce"})
    if (r.below(2))
      c->ops[name] = {made_up(0.1 + 0.9 * r.uniform()), made_up(0.01 + 0.9 * r.uniform()), made_up(1e-5 * r.uniform())};
  if (r.below(2)) c->sequence_gap = made_up(1e-5 * r.uniform());
  return c;
}

/// Sliding windows, speculation, experts over data-parallel ranks, or several of these.
void add_techniques(std::uint64_t seed, Deployment& d) {
  RandomStream r(seed, 2, StreamPurpose::jitter);
  if (r.below(2)) d.llm.window = WindowShape{static_cast<int>(1 + r.below(150)), static_cast<int>(1 + r.below(3))};
  if (r.below(2)) {
    Speculation s;
    s.depth = static_cast<int>(1 + r.below(5));
    s.drafted = r.below(3) ? s.depth : s.depth + 7;
    s.parallel = r.below(3) == 0;
    if (r.below(3)) s.drafter = draft_layers(d.llm, 1);
    for (int i = 0; i < s.depth; ++i) s.acceptance.push_back(r.uniform());
    s.adaptive = r.below(2);
    if (r.below(2)) s.pass_gap = 2e-4, s.sequence_gap = 1e-5;
    d.token_budget += d.max_sequences * s.drafted;
    d.speculation = s;
  }
  if (d.llm.moe && r.below(2)) {
    d.expert_parallel = true;
    d.data_parallel = r.below(2) ? 1 : 2;
    d.routing = {r.below(2) ? 0.0 : 0.8, 0};
    d.overlap = r.below(2) ? 0 : 0.7;
  }
}

std::vector<std::int64_t> services(const Case& c) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; c.pool.luck && i < c.requests.size(); ++i) {
    RandomStream random(1, 0, StreamPurpose::speculation, static_cast<std::uint32_t>(c.requests[i].id));
    const Pace& pace = c.pool.batcher.pace;
    out.push_back(pace.quanta + c.pool.luck->steps(c.requests[i].output_tokens - 1, random) * pace.at(0));
  }
  return out;
}

/// Two of three.
bool calibrated(std::uint64_t seed) { return seed % 3 != 0; }

/// Random chip efficiencies, calibration, model, policy, cache size and load: from idle to overload, with scarce KV
/// blocks.
Case random_case(std::uint64_t seed, bool techniques = false) {
  RandomStream r(seed, 0, StreamPurpose::jitter);
  Case c;
  Deployment d = deployment(r.below(2) ? llama_8b() : mixtral(), r.below(4) ? realistic_engine() : ideal_engine());
  d.llm.layers = 4;  // small models keep the reference quick; the arithmetic is the same
  d.tensor_parallel = r.below(2) ? 1 : 2;
  d.pipeline_parallel = r.below(3) ? 1 : 2;
  d.max_sequences = static_cast<std::int64_t>(1 + r.below(48));
  d.token_budget = d.max_sequences + static_cast<std::int64_t>(1 + r.below(600));
  d.engine.ops[static_cast<std::size_t>(OpClass::decode_attention)].compute = made_up(r.below(2) ? 0.003 : 0.6);
  d.kv_block_tokens = r.below(3) == 0 ? 1 : 16;
  d.time_scale = seed % 3 == 0 ? 1.17 : 1;
  if (techniques) add_techniques(seed, d);
  BatcherSpec& b = c.pool.batcher;
  b.policy = r.below(3) ? "chunked" : "prefill-first";
  const std::int64_t pages = (600 + static_cast<std::int64_t>(r.below(3000))) / d.kv_block_tokens;
  b.watermark_blocks = r.below(2) ? 0 : pages / 100;
  b.max_waiting = r.below(4) ? 0 : 5;
  if (RandomStream own(seed, 3, StreamPurpose::jitter); b.policy == "chunked" && own.below(3) == 0)
    b.scheduling.max_step_s = std::pow(10.0, -3.5 + 2 * own.uniform());
  if (calibrated(seed)) {
    RandomStream own(seed, 1, StreamPurpose::jitter);
    d.calibration = random_calibration(own);
  }
  c.pool.name = "pool";
  c.pool.model = std::make_shared<StepModel>(d);
  fit_to_model(c.pool);
  b.kv_blocks = pages * (b.window.full_pages + b.window.window_pages);
  const double gap = std::pow(10.0, -3.5 + 3 * r.uniform());
  c.requests = random_requests(r, 120, gap, 400);
  return c;
}

RunRecord simulated(const Case& c, bool stepwise) {
  FactorySpec spec;
  spec.router = c.router;
  spec.pools = {c.pool};
  return run_factory(spec, c.requests, stepwise);
}

/// Returns the reference's outcomes after comparing all three.
std::vector<ReferenceSimulator::Outcome> require_reference(const Case& c, const RunRecord& spans) {
  const auto reference = ReferenceSimulator(c.pool.batcher, *c.pool.model, services(c)).run(c.requests);
  for (std::size_t i = 0; i < reference.size(); ++i) {
    CAPTURE(i);
    REQUIRE(reference[i].rejected == (spans.rows[i].state == RequestState::rejected));
    REQUIRE(reference[i].first_token == spans.rows[i].first_token);
    REQUIRE(reference[i].finish == spans.rows[i].finish);
    REQUIRE(reference[i].preemptions == spans.rows[i].preemptions);
  }
  return reference;
}

}  // namespace

TEST_CASE("spans, single steps and the naive reference agree to the nanosecond on random factories") {
  std::int64_t preemptions = 0, rejected = 0, multi_step = 0, calibrated_steps = 0, bounded = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    const Case c = random_case(seed);
    const RunRecord spans = simulated(c, false);
    require_same(spans, simulated(c, true));
    for (const auto& outcome : require_reference(c, spans)) {
      preemptions += outcome.preemptions;
      rejected += outcome.rejected;
    }
    for (const RequestRow& row : spans.rows) {
      multi_step += row.output_tokens > 1;
      if (c.pool.model->deployment().calibration) calibrated_steps += row.output_tokens;
      if (c.pool.batcher.scheduling.max_step_s > 0) bounded += row.output_tokens;
    }
  }
  // The cases reach what they are meant to reach.
  CHECK(preemptions > 1000);
  CHECK(rejected > 100);
  CHECK(multi_step > 10000);
  CHECK(calibrated_steps > 1'000'000);
  CHECK(bounded > 100'000);
}

TEST_CASE("the same with attention windows, speculation and data-parallel experts") {
  std::int64_t preemptions = 0, windows = 0, speculations = 0, adaptive = 0, both = 0;
  for (std::uint64_t seed = 1001; seed <= 1200; ++seed) {
    CAPTURE(seed);
    const Case c = random_case(seed, true);
    const RunRecord spans = simulated(c, false);
    require_same(spans, simulated(c, true));
    for (const auto& outcome : require_reference(c, spans)) preemptions += outcome.preemptions;
    const Deployment& d = c.pool.model->deployment();
    windows += d.llm.window.has_value();
    speculations += d.speculation.has_value();
    adaptive +=
        d.speculation && d.speculation->adaptive && c.pool.model->pace(d.max_sequences) != c.pool.model->pace(1);
    both += d.speculation && d.llm.window;
  }
  CHECK(preemptions > 1000);
  CHECK(windows > 50);
  CHECK(speculations > 50);
  CHECK(adaptive > 5);
  CHECK(both > 20);
}

TEST_CASE("spans equal single steps with several replicas behind every router, and with static batching") {
  for (const std::string router : {"round-robin", "least-outstanding", "power-of-two"}) {
    for (const std::string policy : {"chunked", "prefill-first", "static"}) {
      for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(router, policy, seed);
        Case c = random_case(seed);
        c.pool.replicas = 3;
        for (Request& q : c.requests) q.encoder_tokens = q.input_tokens / 2;
        c.router = router;
        c.pool.batcher.policy = policy;
        if (policy != "chunked") c.pool.batcher.scheduling.max_step_s = 0;
        require_same(simulated(c, false), simulated(c, true));
      }
    }
  }
}
