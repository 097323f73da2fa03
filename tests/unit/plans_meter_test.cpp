// The meter of a run, and the ceiling on what an interaction may spend.
#include <map>

#include "sim/economics/plans/plan.h"
#include "sim/fleet/factory.h"
#include "sim/fleet/meter.h"
#include "sim/workload/spend_limit.h"
#include "tests/catch.h"
#include "tests/support/sources.h"
#include "tests/unit/plans_support.h"

using namespace tokenfab;

namespace {

std::vector<Request> random_requests(RandomStream& random, int count) {
  std::vector<Request> out;
  Ns now = 0;
  for (int i = 0; i < count; ++i) {
    Request r;
    now += static_cast<Ns>(random.below(400'000'000'000));
    r.arrival = now;
    r.input_tokens = static_cast<std::int32_t>(1 + random.below(random.below(3) == 0 ? 300'000 : 2'000));
    r.output_tokens = static_cast<std::int32_t>(1 + random.below(500));
    r.cached_tokens = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(r.input_tokens)));
    r.priority = static_cast<std::uint8_t>(random.below(3));
    out.push_back(r);
  }
  return out;
}

/// Sessions whose requests follow each other; ends cause the next, as in a closed loop. A refused call ends its
/// session.
class Chats final : public RequestSource {
 public:
  Chats(std::uint64_t seed, int sessions, int turns) : random_(seed, 0, StreamPurpose::session_turns), turns_(turns) {
    for (int s = 0; s < sessions; ++s) {
      first_.push_back(call(static_cast<Ns>(s) * 1'000'000'000, static_cast<std::uint32_t>(s + 1), 0));
      left_[static_cast<std::uint32_t>(s + 1)] = turns - 1;
    }
  }
  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    for (; at_ < first_.size() && batch.requests.size() < limit; ++at_) batch.requests.push_back(first_[at_]);
  }
  bool closed_loop() const override { return true; }
  void ended(const Request& r, Ns end, bool served, RequestBatch& next) override {
    int& left = left_[r.session];
    if (!served) left = 0;
    if (left <= 0) return;
    next.requests.push_back(call(end + 1'000'000, r.session, turns_ - left));
    --left;
  }

 private:
  Request call(Ns arrival, std::uint32_t session, int turn) {
    Request r;
    r.arrival = arrival;
    r.session = session;
    r.input_tokens = static_cast<std::int32_t>(1 + random_.below(3000));
    r.output_tokens = static_cast<std::int32_t>(1 + random_.below(1500));
    r.session_edge =
        static_cast<std::uint8_t>((turn == 0 ? kOpensSession : 0) | (turn == turns_ - 1 ? kEndsSession : 0));
    return r;
  }
  RandomStream random_;
  int turns_;
  std::vector<Request> first_;
  std::map<std::uint32_t, int> left_;
  std::size_t at_ = 0;
};

/// Drives a source as a factory that serves most calls would; what each session spent, and how many calls went out.
struct Driven {
  std::map<std::uint32_t, double> spent;
  std::int64_t calls = 0, output = 0;
};
Driven drive(RequestSource& source, const SpendLimit& limit, std::uint64_t seed) {
  RandomStream random(seed, 0, StreamPurpose::router);
  Driven out;
  RequestBatch batch;
  std::multimap<Ns, Request> open;
  for (source.read(batch, 3); !batch.requests.empty(); source.read(batch, 3))
    for (const Request& r : batch.requests) open.emplace(r.arrival, r);
  Ns last = 0;
  while (!open.empty()) {
    const Request r = open.extract(open.begin()).mapped();
    REQUIRE(r.arrival >= last);
    last = r.arrival;
    ++out.calls;
    out.output += r.output_tokens;
    const bool served = random.below(10) != 0;
    if (served) out.spent[r.session] += (r.input_tokens * limit.input_usd + r.output_tokens * limit.output_usd) / 1e6;
    RequestBatch next;
    source.ended(r, r.arrival + 5, served, next);
    for (const Request& n : next.requests) open.emplace(n.arrival, n);
  }
  return out;
}

}  // namespace

TEST_CASE("meter cells add up to the requests, by quarter of an hour, class and bracket") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    RandomStream random(seed, 0, StreamPurpose::arrivals);
    MeterRecorder meter;
    std::map<std::tuple<std::int64_t, int, int>, MeterCell> naive;
    RunRecord r;
    for (const Request& q : random_requests(random, 200)) {
      const bool served = random.below(5) != 0, good = random.below(2) == 0;
      const std::int64_t bin = q.arrival / kMeterBin;
      const int bracket = q.input_tokens <= 128'000   ? 0
                          : q.input_tokens <= 200'000 ? 1
                          : q.input_tokens <= 256'000 ? 2
                          : q.input_tokens <= 272'000 ? 3
                                                      : 4;
      MeterCell& c = naive[{bin, q.priority, bracket}];
      c.bin = bin, c.priority = q.priority, c.bracket = bracket;
      if (!served) {
        ++meter.cell(q.arrival, q).rejected;
        ++c.rejected, ++r.rejected;
        continue;
      }
      meter.served(q.arrival, q, good);
      ++c.served, ++r.served, c.good += good, r.good_requests += good;
      c.input_tokens += q.input_tokens, c.cached_tokens += q.cached_tokens, c.output_tokens += q.output_tokens;
      r.input_served += q.input_tokens, r.cached_tokens += q.cached_tokens, r.output_served += q.output_tokens;
    }
    r.meter = meter.take();
    std::vector<MeterCell> expected;
    for (const auto& [key, c] : naive) expected.push_back(c);
    CAPTURE(seed);
    REQUIRE(r.meter == expected);
    CHECK_NOTHROW(check_meter(r));
    ++r.meter.front().output_tokens;
    CHECK_THROWS_AS(check_meter(r), InternalError);
  }
}

TEST_CASE("a run meters what it served and refused") {
  RandomStream random(5, 0, StreamPurpose::arrivals);
  auto requests = random_requests(random, 300);
  for (Request& q : requests) q.input_tokens = std::min(q.input_tokens, 3000), q.cached_tokens = 0;
  testing::VectorSource source(requests);
  FactorySpec spec;
  PoolSpec pool;
  pool.executor = [] { return std::make_unique<testing::ConstantExecutor>(20'000'000); };
  pool.batcher.max_sequences = 4;
  pool.batcher.token_budget = 512;
  pool.batcher.kv_blocks = 150;
  pool.batcher.kv_block_tokens = 16;
  pool.batcher.max_waiting = 2;
  spec.pools.push_back(pool);
  RunRecord r;
  simulate(spec, source, r);
  CHECK(r.rejected > 0);
  CHECK(r.served > 0);
  CHECK_NOTHROW(check_meter(r));
  CHECK(r.meter.size() > 10);
  CHECK(r.started_s == Approx(seconds_from_ns(requests.front().arrival)));
}

TEST_CASE("no interaction spends more than its ceiling, on random sessions, under either policy") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    RandomStream random(seed, 0, StreamPurpose::classes);
    SpendLimit limit;
    limit.input_usd = 5 * random.uniform();
    limit.output_usd = 20 * random.uniform();
    limit.max_output_tokens = static_cast<std::int32_t>(1 + random.below(2000));
    limit.usd_per_interaction = 0.08 * random.uniform();
    limit.over = random.below(2) == 0 ? SpendLimit::Over::refuse : SpendLimit::Over::truncate;
    SpendControl control;
    const auto source = limit_spend(std::make_unique<Chats>(seed, 20, 8), limit, control);
    const Driven d = drive(*source, limit, seed);
    CAPTURE(seed);
    for (const auto& [session, usd] : d.spent) REQUIRE(usd <= limit.usd_per_interaction);
    CHECK(control.most_usd <= limit.usd_per_interaction);
    CHECK(control.calls == d.calls + control.refused);
  }
}

TEST_CASE("truncating serves more than refusing, and a ceiling out of reach changes nothing") {
  SpendLimit limit{0.02, 3, 15, 1500, SpendLimit::Over::refuse};
  const auto run = [&] {
    SpendControl control;
    const auto source = limit_spend(std::make_unique<Chats>(3, 50, 8), limit, control);
    return std::pair(drive(*source, limit, 9), control);
  };
  const auto [refused, c1] = run();
  limit.over = SpendLimit::Over::truncate;
  const auto [cut, c2] = run();
  CHECK(c1.refused > 0);
  CHECK(c1.truncated == 0);
  CHECK(c2.truncated > 0);
  CHECK(c2.output_tokens_cut > 0);
  CHECK(cut.calls > refused.calls);
  limit.usd_per_interaction = 1e6;
  const auto [free, c3] = run();
  Chats plain(3, 50, 8);
  const Driven without = drive(plain, limit, 9);
  CHECK(c3.refused + c3.truncated == 0);
  CHECK(free.calls == without.calls);
  CHECK(free.output == without.output);
}

TEST_CASE("requests outside sessions are interactions of their own") {
  std::vector<Request> requests(3);
  const std::int32_t inputs[] = {1000, 100'000, 1000}, outputs[] = {100, 100, 900};
  for (std::size_t i = 0; i < 3; ++i) requests[i].input_tokens = inputs[i], requests[i].output_tokens = outputs[i];
  SpendControl control;
  // 0.02 - 0.003 leaves 1,133 output tokens at $15 a million; 100,000 input tokens alone are too dear.
  const auto source = limit_spend(std::make_unique<testing::VectorSource>(requests),
                                  SpendLimit{0.02, 3, 15, 4096, SpendLimit::Over::truncate}, control);
  RequestBatch batch;
  source->read(batch, 10);
  REQUIRE(batch.requests.size() == 2);
  CHECK(batch.requests[0].output_tokens == 100);
  CHECK(batch.requests[1].output_tokens == 900);
  CHECK(control.calls == 3);
  CHECK(control.refused == 1);
  CHECK(control.truncated == 0);
}

TEST_CASE("a budget of all interactions is never exceeded, and what fits goes out") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    RandomStream random(seed, 0, StreamPurpose::images);
    SpendLimit limit;
    limit.input_usd = 3, limit.output_usd = 15, limit.max_output_tokens = 800, limit.usd_per_interaction = 2;
    limit.usd_in_all = random.uniform();
    SpendControl control;
    const auto source =
        limit_spend(std::make_unique<testing::VectorSource>(random_requests(random, 300)), limit, control);
    RequestBatch batch;
    double spent = 0;
    std::int64_t out = 0;
    for (source->read(batch, 64); !batch.requests.empty(); source->read(batch, 64))
      for (const Request& r : batch.requests) spent += (r.input_tokens * 3.0 + r.output_tokens * 15.0) / 1e6, ++out;
    CAPTURE(seed);
    REQUIRE(spent <= limit.usd_in_all * (1 + 1e-12));
    CHECK(out == control.calls - control.refused);
    CHECK(out > 0);
  }
  SpendControl control;
  SpendLimit limit;
  limit.max_output_tokens = 1, limit.usd_in_all = 1;
  CHECK_THROWS_AS(limit_spend(std::make_unique<Chats>(1, 1, 1), limit, control), InternalError);
}
