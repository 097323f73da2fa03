// Factories of prefill and decode pools: spans equal single steps, and nothing is lost on the way.
#include <functional>

#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/random_scheduling.h"
#include "tests/support/runs.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

struct Case {
  FactorySpec spec;
  std::vector<Request> requests;
};

std::vector<Request> random_requests(RandomStream& r, std::int64_t count, double mean_gap_s, std::uint64_t longest) {
  std::vector<Request> out;
  Ns t = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    Request q;
    if (r.uniform() < 0.9) t += ns_from_seconds(mean_gap_s * r.exponential());  // the rest arrive together
    q.arrival = t;
    q.id = i;
    q.input_tokens = static_cast<std::int32_t>(1 + r.below(longest));
    q.output_tokens = static_cast<std::int32_t>(r.below(6) ? 1 + r.below(longest / 2) : 1);
    out.push_back(q);
  }
  return out;
}

void add_techniques(RandomStream& r, Deployment& d, PoolRole role) {
  if (r.below(2)) d.llm.window = WindowShape{static_cast<int>(1 + r.below(150)), static_cast<int>(1 + r.below(3))};
  if (role == PoolRole::prefill || r.below(2)) return;
  Speculation s;
  s.depth = s.drafted = static_cast<int>(1 + r.below(5));
  for (int i = 0; i < s.depth; ++i) s.acceptance.push_back(r.uniform());
  s.adaptive = r.below(2);
  d.token_budget += d.max_sequences * s.drafted;
  d.speculation = s;
}

/// Scarce KV blocks as often as not.
PoolSpec random_pool(RandomStream& r, PoolRole role, const Llm& llm, bool techniques) {
  Deployment d = deployment(llm, r.below(4) ? realistic_engine() : ideal_engine());
  d.llm.layers = 4;
  d.max_sequences = static_cast<std::int64_t>(1 + r.below(40));
  d.token_budget = d.max_sequences + static_cast<std::int64_t>(1 + r.below(600));
  d.kv_block_tokens = r.below(3) == 0 ? 1 : 16;
  if (techniques) add_techniques(r, d, role);
  PoolSpec p;
  p.role = role;
  p.model = std::make_shared<StepModel>(d);
  p.replicas = static_cast<int>(1 + r.below(3));
  BatcherSpec& b = p.batcher;
  b.policy = r.below(3) ? "chunked" : "prefill-first";
  const std::int64_t pages = (550 + static_cast<std::int64_t>(r.below(r.below(2) ? 500 : 4000))) / d.kv_block_tokens;
  b.watermark_blocks = r.below(2) ? 0 : pages / 100;
  b.max_waiting = role == PoolRole::decode || r.below(4) ? 0 : 5;
  fit_to_model(p);
  b.kv_blocks = pages * (b.window.full_pages + b.window.window_pages);
  return p;
}

Case random_case(std::uint64_t seed, bool techniques) {
  RandomStream r(seed, 3, StreamPurpose::jitter);
  Case c;
  const Llm llm = r.below(2) ? llama_8b() : mixtral();
  std::vector<PoolRole> roles = {PoolRole::prefill, PoolRole::decode};
  for (auto more = r.below(3); more > 0; --more) roles.push_back(static_cast<PoolRole>(r.below(3)));
  for (const PoolRole role : roles) c.spec.pools.push_back(random_pool(r, role, llm, techniques));
  for (PoolSpec& pool : c.spec.pools) {
    if (pool.role != PoolRole::decode) continue;
    for (std::size_t i = 0; i < roles.size(); ++i) {
      KvTransfer t;
      t.latency_s = r.below(3) ? 1e-4 * r.uniform() : 0;
      t.seconds_per_byte = r.below(3) ? 1e-9 * r.uniform() : 0;
      t.overlap = r.below(2) ? 0 : r.uniform();
      t.bytes_per_token = 16384;
      pool.transfers.push_back(t);
    }
  }
  const char* routers[] = {"round-robin", "least-outstanding", "power-of-two"};
  c.spec.router = routers[r.below(3)];
  c.requests = random_requests(r, 150, std::pow(10.0, -3.5 + 3 * r.uniform()), 400);
  if (r.below(3) == 0) c.spec.horizon_s = 0.8 * seconds_from_ns(c.requests.back().arrival);
  return c;
}

/// Orders of the queue, the batch class, swaps and variants, in each pool its own.
Case scheduled_case(std::uint64_t seed) {
  Case c = random_case(seed, false);
  RandomStream r(seed, 4, StreamPurpose::jitter);
  std::int32_t variants = INT32_MAX;
  for (PoolSpec& pool : c.spec.pools) {
    BatcherSpec& b = pool.batcher;
    b.scheduling = random_scheduling(r, b.policy, b.max_sequences);
    if (pool.role == PoolRole::decode) b.scheduling.preempt = false;
    pool.transfer_costs = {1e-4 * r.uniform(), 1e-2 * r.uniform()};
    if (b.scheduling.variants.count > 0) variants = std::min(variants, b.scheduling.variants.count);
  }
  for (Request& q : c.requests) {
    q.priority = static_cast<std::uint8_t>(r.below(4));
    if (r.below(3)) q.deadline = q.arrival + ns_from_seconds(2 * r.uniform());
    if (variants < INT32_MAX) q.variant = static_cast<std::uint16_t>(r.below(static_cast<std::uint64_t>(variants)));
  }
  return c;
}

/// What each kind of pool did of the requests that were served.
void require_division_of_labour(const Case& c, const RunRecord& record) {
  std::int64_t input = 0, output = 0;
  for (std::size_t p = 0; p < record.pools.size(); ++p) {
    CAPTURE(p);
    const PoolUsage& u = record.pools[p];
    input += u.input_tokens, output += u.output_tokens;
    if (c.spec.pools[p].role == PoolRole::decode) REQUIRE(u.input_tokens == 0);
    else REQUIRE(u.transferred_bytes == 0);
    if (c.spec.pools[p].role == PoolRole::prefill) REQUIRE(u.decode_busy_seconds == 0);
    if (c.spec.pools[p].role == PoolRole::decode && u.preemptions == 0) REQUIRE(u.prefill_busy_seconds == 0);
  }
  if (record.in_flight > 0) return;
  REQUIRE(input == record.input_served);
  REQUIRE(output == record.output_served);
}

/// Every swap and load is paid for, whether or not a step followed at once.
void require_paid_transfers(const Case& c, const RunRecord& record) {
  if (record.in_flight > 0) return;
  for (std::size_t p = 0; p < record.pools.size(); ++p) {
    CAPTURE(p);
    const PoolUsage& u = record.pools[p];
    const TransferCosts& costs = c.spec.pools[p].transfer_costs;
    const double seconds = static_cast<double>(u.swapped_blocks) * costs.seconds_per_block +
                           static_cast<double>(u.variant_loads) * costs.seconds_per_load;
    REQUIRE(u.transfer_seconds == Approx(seconds).epsilon(1e-9).margin(1e-9));
  }
}

struct Reached {
  std::int64_t served = 0, in_flight = 0, rejected = 0, decode_preemptions = 0, prefill_preemptions = 0, arrived = 0;
  std::int64_t decode_swaps = 0, decode_loads = 0;
};

void check_cases(std::uint64_t from, std::uint64_t to, const std::function<Case(std::uint64_t)>& make,
                 Reached& reached) {
  for (std::uint64_t seed = from; seed <= to; ++seed) {
    CAPTURE(seed);
    const Case c = make(seed);
    const RunRecord spans = run_factory(c.spec, c.requests);
    require_same(spans, run_factory(c.spec, c.requests, true));
    require_division_of_labour(c, spans);
    require_paid_transfers(c, spans);
    reached.served += spans.served;
    reached.in_flight += spans.in_flight;
    reached.rejected += spans.rejected_too_long;
    for (std::size_t p = 0; p < spans.pools.size(); ++p) {
      const PoolRole role = c.spec.pools[p].role;
      if (role == PoolRole::decode) reached.decode_preemptions += spans.pools[p].preemptions;
      if (role == PoolRole::prefill) reached.prefill_preemptions += spans.pools[p].preemptions;
      if (role == PoolRole::decode) reached.decode_swaps += spans.pools[p].swapped_blocks;
      if (role == PoolRole::decode) reached.decode_loads += spans.pools[p].variant_loads;
      reached.arrived += spans.pools[p].transferred_bytes > 0;
    }
  }
}

}  // namespace

TEST_CASE("spans equal single steps on random factories of prefill and decode pools") {
  Reached reached;
  check_cases(
      1, 250, [](std::uint64_t seed) { return random_case(seed, false); }, reached);
  // The cases reach what they are meant to reach.
  CHECK(reached.served > 10000);
  CHECK(reached.in_flight > 500);
  CHECK(reached.rejected > 100);
  CHECK(reached.decode_preemptions > 500);
  CHECK(reached.prefill_preemptions > 50);
  CHECK(reached.arrived > 250);
}

TEST_CASE("the same with attention windows, and speculation in decode pools") {
  Reached reached;
  check_cases(
      1001, 1150, [](std::uint64_t seed) { return random_case(seed, true); }, reached);
  CHECK(reached.served > 5000);
  CHECK(reached.decode_preemptions > 200);
}

TEST_CASE("the same with queues in other orders, a batch class, swaps and variants") {
  Reached reached;
  check_cases(2001, 2250, scheduled_case, reached);
  CHECK(reached.served > 10000);
  CHECK(reached.in_flight > 500);
  CHECK(reached.decode_preemptions > 500);
  CHECK(reached.prefill_preemptions > 20);
  CHECK(reached.decode_swaps > 500);
  CHECK(reached.decode_loads > 500);
  CHECK(reached.arrived > 250);
}
