// Deadlines, variants, swapping and shares of the batch class against what arithmetic says.
#include <cmath>

#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/policy_runs.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

constexpr Ns kStep = 1'000'000;

Request request(Ns arrival, std::int32_t input, std::int32_t output) {
  Request r;
  r.arrival = arrival;
  r.input_tokens = input;
  r.output_tokens = output;
  return r;
}

}  // namespace

TEST_CASE("the earliest deadline first meets all deadlines where by arrival some are missed") {
  // All arrive while the first runs; deadlines leave no slack, in reverse order of arrival.
  constexpr int kJobs = 20;
  constexpr std::int32_t kSteps = 50;
  std::vector<Request> requests;
  for (int i = 0; i < kJobs; ++i) {
    requests.push_back(request(i > 0 ? i : 0, 1, kSteps));
    requests.back().deadline = i == 0 ? kSteps * kStep : (kJobs + 1 - i) * kSteps * kStep;
  }
  requests.push_back(request(kJobs, 1, kSteps));  // without one: last
  const auto missed = [&](QueueOrder order) {
    int out = 0;
    const RunRecord r = run_pool(queue_pool(1, kStep, {.queue = order}), requests);
    for (int i = 0; i < kJobs; ++i) out += r.rows[i].finish > requests[i].deadline;
    CHECK(r.rows[kJobs].finish == (kJobs + 1) * kSteps * kStep);
    return out;
  };
  CHECK(missed(QueueOrder::deadline) == 0);
  CHECK(missed(QueueOrder::fcfs) == 9);  // job i ends at (i + 1) * 50: late where i > 10
}

TEST_CASE("the least recently used adapter makes way: hits as Che's approximation says under Zipf's law") {
  constexpr int kVariants = 200, kSlots = 20;
  constexpr int kRequests = 40000;
  double weight[kVariants], total = 0;
  for (int i = 0; i < kVariants; ++i) total += weight[i] = 1.0 / (i + 1);
  RandomStream random(3, 0, StreamPurpose::variants);
  std::vector<Request> requests;
  for (int i = 0; i < kRequests; ++i) {
    requests.push_back(request(0, 1, 1));
    double u = random.uniform() * total;
    int v = 0;
    while (v + 1 < kVariants && (u -= weight[v]) > 0) ++v;
    requests.back().variant = static_cast<std::uint16_t>(v);
  }
  const RunRecord r = run_pool(queue_pool(1, kStep, {.variants = {kVariants, kSlots}}), requests);
  REQUIRE(r.served == kRequests);
  // Che, Tung, Wang 2002: the time T to see kSlots others solves sum(1 - exp(-p T)) = kSlots.
  double low = 0, high = 1e6;
  const auto resident = [&](double t) {
    double sum = 0;
    for (const double w : weight) sum += 1 - std::exp(-w / total * t);
    return sum;
  };
  for (int i = 0; i < 100; ++i) (resident((low + high) / 2) < kSlots ? low : high) = (low + high) / 2;
  double hits = 0;
  for (const double w : weight) hits += w / total * (1 - std::exp(-w / total * low));
  const double found = 1 - static_cast<double>(r.pools[0].variant_loads) / kRequests;
  INFO("hit ratio " << found << ", Che " << hits);
  CHECK(std::fabs(found - hits) < 0.01);
}

TEST_CASE("whole models take turns: as many loads as changes of the model asked for, and the batch drains before") {
  std::vector<Request> requests;
  std::int64_t changes = 1;
  for (int i = 0; i < 60; ++i) {
    requests.push_back(request(0, 4, 10));
    requests.back().variant = static_cast<std::uint16_t>(i / 7 % 3);
    if (i > 0) changes += requests[i].variant != requests[i - 1].variant;
  }
  const RunRecord r = run_pool(queue_pool(4, kStep, {.variants = {3, 1}}), requests);
  CHECK(r.pools[0].variant_loads == changes);
  for (std::size_t i = 0; i < requests.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (requests[i].variant != requests[j].variant) CHECK(r.rows[i].first_token > r.rows[j].finish);
}

TEST_CASE("a cached prefix serves its own variant only") {
  PoolSpec pool = queue_pool(1, kStep, {.variants = {2, 2}});
  pool.batcher.prefix_cache = true;
  pool.prefix = {.block_tokens = 16, .shared_tokens = 64, .where = "here"};
  std::vector<Request> requests;
  for (int i = 0; i < 6; ++i) {
    requests.push_back(request(10 * i * kStep, 100, 1));
    requests.back().variant = static_cast<std::uint16_t>(i % 2);
  }
  const RunRecord r = run_pool(pool, requests);
  for (int i = 0; i < 6; ++i) CHECK(r.rows[i].cached_tokens == (i < 2 ? 0 : 64));
}

TEST_CASE("a variant that the pool has not is refused") {
  std::vector<Request> requests = {request(0, 1, 1)};
  requests[0].variant = 3;
  CHECK_THROWS_WITH(run_pool(queue_pool(1, kStep, {.variants = {3, 1}}), requests), Catch::Contains("0 to 2"));
}

TEST_CASE("the batch class fills gaps: never more than its share of slots, none while interactive requests wait") {
  // 8 slots, a share of half: 4 of 12 batch requests run, and an interactive one starts at once.
  std::vector<Request> requests;
  for (int i = 0; i < 12; ++i) {
    requests.push_back(request(0, 1, 100));
    requests.back().priority = kBatchPriority;
  }
  requests.push_back(request(10 * kStep + 1, 1, 5));
  const RunRecord r = run_pool(queue_pool(8, kStep, {.queue = QueueOrder::priority, .batch_share = 0.5}), requests);
  CHECK(r.rows[12].first_token == 12 * kStep);  // scheduled at 11, and one step
  // Three rounds of four; the first request begins alone and the others a step later.
  std::int64_t ended = 0;
  for (int i = 0; i < 12; ++i) ended += r.rows[i].finish <= 101 * kStep;
  CHECK(ended == 4);
  CHECK(r.rows[11].finish == 301 * kStep);
}

TEST_CASE("where prompts of both classes are partly computed and blocks run out, the batch class gives way") {
  // Ten blocks of 16; 40 tokens a step, 20 of them for the batch class.
  PoolSpec pool = queue_pool(4, kStep, {.queue = QueueOrder::priority, .batch_share = 0.5});
  pool.batcher.kv_blocks = 10;
  pool.batcher.token_budget = 40;
  std::vector<Request> requests = {request(0, 120, 1), request(3 * kStep + 1, 120, 1)};
  requests[0].priority = kBatchPriority;
  const RunRecord r = run_pool(pool, requests);
  REQUIRE(r.served == 2);
  // 20 tokens beside the batch prompt's fifth chunk, then 40, 40, 20; seven and four blocks are more than ten.
  CHECK(r.rows[1].first_token == 8 * kStep);
  CHECK(r.rows[1].preemptions == 0);
  CHECK(r.rows[0].preemptions == 1);
}

TEST_CASE("an interactive request displaces the newest of the batch class where slots are short") {
  std::vector<Request> requests = {request(0, 1, 100), request(1, 1, 100), request(10 * kStep + 1, 1, 20)};
  requests[0].priority = requests[1].priority = kBatchPriority;
  Scheduling s{.queue = QueueOrder::priority, .preempt = true};
  const RunRecord with = run_pool(queue_pool(2, kStep, s), requests);
  CHECK(with.rows[2].first_token == 12 * kStep);
  CHECK(with.rows[2].finish == 31 * kStep);
  CHECK(with.rows[0].preemptions == 0);
  CHECK(with.rows[1].preemptions == 1);
  // Back as soon as the interactive one is done; a recomputed prompt takes a step that yields a token all the same.
  CHECK(with.rows[1].finish == 121 * kStep);
  s.preempt = false;
  const RunRecord without = run_pool(queue_pool(2, kStep, s), requests);
  CHECK(without.rows[2].first_token == 101 * kStep);
}

TEST_CASE("steps in which sequences decode stay within their own budget") {
  // A prompt of 1000 beside one decoding sequence: 100 - 1 tokens a step, so 11 steps; alone it takes one.
  std::vector<Request> requests = {request(0, 1, 100), request(10 * kStep + 1, 1000, 1)};
  const RunRecord mixed = run_pool(queue_pool(4, kStep, {.mixed_budget = 100}), requests);
  CHECK(mixed.rows[1].first_token == (11 + 11) * kStep);
  const RunRecord whole = run_pool(queue_pool(4, kStep, {}), requests);
  CHECK(whole.rows[1].first_token == 12 * kStep);
  requests.erase(requests.begin());
  CHECK(run_pool(queue_pool(4, kStep, {.mixed_budget = 100}), requests).rows[0].finish == 10 * kStep + 1 + kStep);
}

TEST_CASE("with a bound on steps no decode waits longer than it, and prompts take what is left") {
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.max_sequences = 64;
  d.token_budget = 8192;
  PoolSpec pool;
  pool.name = "bounded";
  pool.model = std::make_shared<StepModel>(d);
  fit_to_model(pool);
  // Forty sequences decode when a prompt of 8,000 comes; the unbounded step computes all of it at once.
  std::vector<Request> requests(40, request(0, 100, 400));
  requests.push_back(request(ns_from_seconds(1), 8000, 2));
  const auto longest_wait = [&](double bound) {
    pool.batcher.scheduling.max_step_s = bound;
    std::unique_ptr<Batcher> batcher = Batcher::make([&] {
      BatcherSpec spec = pool.batcher;
      spec.step_seconds = [&](const StepSums& s) { return pool.model->evaluate(s).total(); };
      return spec;
    }());
    Slot slot = kNoSlot;
    for (int i = 0; i < 40; ++i) batcher->enqueue(100, 400, slot);
    batcher->plan();
    batcher->complete(1);
    batcher->enqueue(8000, 2, slot);
    std::pair<double, std::int64_t> out{0, 0};  // the longest step that also decodes, steps of the prompt
    while (batcher->running() + batcher->waiting() > 0) {
      const StepPlan plan = batcher->plan();
      if (plan.sums.decode_sequences > 0) out.first = std::max(out.first, pool.model->evaluate(plan.sums).total());
      out.second += plan.sums.prefill_tokens > 0;
      batcher->complete(1);
    }
    return out;
  };
  StepSums alone;
  alone.decode_sequences = 40;
  alone.decode_kv_tokens = 40 * 500;
  const double decode = pool.model->evaluate(alone).total();
  const auto [free_step, free_chunks] = longest_wait(0);
  const auto [bounded_step, bounded_chunks] = longest_wait(2 * decode);
  CHECK(free_chunks == 1);
  CHECK(free_step > 10 * decode);
  CHECK(bounded_step <= 2 * decode);
  CHECK(bounded_step > 1.9 * decode);
  CHECK(bounded_chunks > 10);
  // A bound that decoding alone exceeds: the prompt waits until the others are done.
  const RunRecord late = run_pool(pool, requests);
  pool.batcher.scheduling.max_step_s = 0.5 * decode;
  const RunRecord blocked = run_pool(pool, requests);
  CHECK(late.rows[40].first_token < late.rows[0].finish);
  CHECK(blocked.rows[40].first_token > blocked.rows[0].finish);
}

namespace {

PoolSpec scarce(bool swap, double seconds_per_block) {
  Deployment d = deployment(llama_8b(), realistic_engine());
  d.llm.layers = 4;
  d.max_sequences = 16;
  d.token_budget = 512;
  PoolSpec pool;
  pool.name = "scarce";
  pool.batcher.max_sequences = d.max_sequences;
  pool.batcher.token_budget = d.token_budget;
  pool.batcher.kv_blocks = 40;
  pool.batcher.scheduling.swap = swap;
  pool.model = std::make_shared<StepModel>(d);
  pool.transfer_costs.seconds_per_block = seconds_per_block;
  return pool;
}

}  // namespace

TEST_CASE("a swapped sequence comes back with its cache: nothing is recomputed, the link is paid for both ways") {
  std::vector<Request> requests;
  for (int i = 0; i < 24; ++i) requests.push_back(request(0, 60 + i, 80));
  constexpr double kPerBlock = 1e-4;
  const RunRecord recompute = run_pool(scarce(false, 0), requests), swap = run_pool(scarce(true, kPerBlock), requests);
  const PoolUsage &dropped = recompute.pools[0], &kept = swap.pools[0];
  REQUIRE(dropped.preemptions > 0);
  REQUIRE(kept.preemptions > 0);
  CHECK(dropped.recomputed_tokens > 0);
  CHECK(dropped.swapped_blocks == 0);
  CHECK(kept.recomputed_tokens == 0);
  CHECK(kept.swapped_blocks > 0);
  CHECK(kept.swapped_blocks % 2 == 0);  // what goes out comes in again
  CHECK(kept.transfer_seconds == Approx(static_cast<double>(kept.swapped_blocks) * kPerBlock).epsilon(1e-9));
  CHECK(swap.output_served == recompute.output_served);
  // Work that remains is the same but for the link: with a free one, only that time is saved.
  const RunRecord free = run_pool(scarce(true, 0), requests);
  CHECK(free.pools[0].swapped_blocks == kept.swapped_blocks);
  CHECK(free.pools[0].steps == kept.steps);
  CHECK(kept.busy_chip_seconds - free.pools[0].busy_chip_seconds == Approx(kept.transfer_seconds).epsilon(1e-6));
  // Every prompt is computed once; a swapped sequence's next token comes with a chunk of one.
  std::int64_t prompts = 0, computed = 0;
  for (const Request& r : requests) prompts += r.input_tokens;
  for (const SeriesBin& b : swap.series.bins) computed += b.input_tokens;
  CHECK(computed >= prompts);
  CHECK(computed <= prompts + kept.preemptions);
}
