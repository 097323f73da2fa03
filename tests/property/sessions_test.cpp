// Closed loops: what is caused by ends of requests comes at the same nanosecond, by spans or by single steps.
#include "sim/workload/sessions.h"

#include <algorithm>
#include <map>

#include "sim/fleet/factory.h"
#include "sim/fleet/router.h"
#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/runs.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

SessionSpec random_sessions(std::uint64_t seed) {
  RandomStream r(seed, 0, StreamPurpose::jitter);
  SessionSpec s;
  s.population.seed = seed;
  if (r.below(2)) {
    s.population.users = static_cast<std::int64_t>(1 + r.below(30));
    s.population.start_within_s = r.below(2) ? 0 : 0.5;
  } else {
    s.population.arrivals.rate = 1 + 40 * r.uniform();
  }
  s.population.max_sessions = 60;
  s.turns = UniformLength{1, 6};
  s.first_prompt = UniformLength{1, 200};
  s.new_tokens = GeometricLength{30};
  s.output = UniformLength{1, 60};
  if (r.below(3) == 1) s.think_ms = GeometricLength{50};  // else at once: everybody's next request at an end's instant
  if (r.below(3) == 2) s.think_ms = FixedLength{20};
  s.max_context_tokens = r.below(2) ? 500 : 0;
  s.block_tokens = 16;
  return s;
}

RunRecord run(const SessionSpec& sessions, std::uint64_t seed, bool stepwise, double slower = 1, bool roomy = false) {
  RandomStream r(seed, 1, StreamPurpose::jitter);
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.llm.layers = 4;
  d.max_sequences = static_cast<std::int64_t>(2 + r.below(16));
  d.token_budget = d.max_sequences + static_cast<std::int64_t>(1 + r.below(600));
  d.kv_block_tokens = 16;
  d.time_scale = slower;
  FactorySpec spec;
  spec.router = Router::names()[r.below(3)];
  spec.seed = seed;
  PoolSpec pool;
  pool.model = std::make_shared<StepModel>(d);
  pool.batcher.policy = r.below(2) ? "chunked" : "prefill-first";
  pool.batcher.max_sequences = d.max_sequences;
  pool.batcher.token_budget = d.token_budget;
  pool.batcher.kv_block_tokens = 16;
  pool.batcher.kv_blocks = 60 + static_cast<std::int64_t>(r.below(150));
  pool.batcher.max_waiting = r.below(4) ? 0 : 3;
  if (roomy) pool.batcher.policy = "chunked", pool.batcher.kv_blocks = 10'000, pool.batcher.max_waiting = 0;
  pool.replicas = 3;
  pool.front_end = r.below(2) ? 0 : 1'234'567;
  spec.pools.push_back(pool);
  return run_factory(spec, *make_sessions(sessions), stepwise);
}

/// Remembers the session of each request that it passes on or causes.
class Watched final : public RequestSource {
 public:
  explicit Watched(std::unique_ptr<RequestSource> inner) : inner_(std::move(inner)) {}
  bool closed_loop() const override { return true; }
  void read(RequestBatch& batch, std::size_t limit) override { inner_->read(batch, limit); }
  void ended(const Request& request, Ns end, bool served, RequestBatch& next) override {
    ends.emplace_back(request, end);
    inner_->ended(request, end, served, next);
  }
  std::vector<std::pair<Request, Ns>> ends;

 private:
  std::unique_ptr<RequestSource> inner_;
};

}  // namespace

TEST_CASE("spans equal single steps where ends of requests cause others") {
  std::int64_t preemptions = 0, rejected = 0, caused = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    const SessionSpec sessions = random_sessions(seed);
    const RunRecord a = run(sessions, seed, false), b = run(sessions, seed, true);
    require_same(a, b);
    REQUIRE(a.sessions->started == b.sessions->started);
    REQUIRE(a.sessions->finished == b.sessions->finished);
    REQUIRE(a.sessions->duration.sum() == b.sessions->duration.sum());
    for (const RequestRow& row : a.rows) preemptions += row.preemptions;
    rejected += a.rejected;
    caused += a.offered - a.sessions->started;
    REQUIRE(a.sessions->started == 60);
    REQUIRE(a.sessions->finished == 60 - a.rejected);  // a rejection ends its session
  }
  CHECK(preemptions > 100);
  CHECK(rejected > 100);
  CHECK(caused > 10'000);
}

TEST_CASE("N users with a constant think time: N = X (R + Z), to the nanosecond for each user") {
  SessionSpec s;
  s.population.users = 7;
  s.population.max_sessions = 70;
  s.turns = UniformLength{1, 9};
  s.first_prompt = UniformLength{1, 300};
  s.new_tokens = FixedLength{25};
  s.output = UniformLength{1, 40};
  s.think_ms = FixedLength{300};
  static constexpr Ns kThink = 300'000'000, kStep = 1'000'000;
  FactorySpec spec;
  PoolSpec pool;
  pool.batcher.max_sequences = 3;  // fewer than users: they queue
  pool.batcher.kv_blocks = 10'000;
  pool.executor = [] { return std::make_unique<ConstantExecutor>(kStep); };
  spec.pools.push_back(pool);
  Watched source(make_sessions(s));
  RunRecord record;
  record.keeps_rows = true;
  simulate(spec, source, record);
  REQUIRE(record.rejected == 0);
  REQUIRE(record.offered > 250);
  // Each user's time is one request after the other with a think time between them, and nothing else.
  std::map<std::uint32_t, Ns> cycles, first, last;
  for (const auto& [request, end] : source.ends) {
    first.try_emplace(request.session, request.arrival);
    cycles[request.session] += end - request.arrival + kThink;
    last[request.session] = end + kThink;
  }
  REQUIRE(cycles.size() == 7);
  for (const auto& [user, time] : cycles) {
    CAPTURE(user);
    CHECK(time == last[user] - first[user]);
  }
}

TEST_CASE("a slower factory sees less load of the same users, and the same sessions") {
  SessionSpec s = random_sessions(5);
  s.population.users = 20;
  s.population.start_within_s = 0;
  s.think_ms.reset();
  const RunRecord fast = run(s, 4, false, 1, true), slow = run(s, 4, false, 8, true);
  REQUIRE(fast.rejected == 0);
  REQUIRE(slow.rejected == 0);
  CHECK(fast.offered == slow.offered);
  CHECK(fast.input_offered == slow.input_offered);
  CHECK(fast.output_offered == slow.output_offered);
  CHECK(static_cast<double>(slow.offered) / slow.arrival_span_s <
        static_cast<double>(fast.offered) / fast.arrival_span_s / 2);
  CHECK(slow.sessions->duration.mean() > 2 * fast.sessions->duration.mean());
}
