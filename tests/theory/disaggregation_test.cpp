// Prefill and decode in pools of their own: closed forms.
#include "sim/fleet/factory.h"
#include "tests/catch.h"
#include "tests/support/deployments.h"
#include "tests/support/runs.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

std::shared_ptr<const StepModel> model() {
  static const auto shared = std::make_shared<StepModel>(deployment(llama_8b(), realistic_engine()));
  return shared;
}

PoolSpec pool(PoolRole role, int replicas = 1, std::int64_t kv_blocks = 10'000) {
  PoolSpec p;
  p.name = kPoolRoleNames[static_cast<std::size_t>(role)];
  p.model = model();
  p.role = role;
  p.replicas = replicas;
  p.batcher.max_sequences = model()->deployment().max_sequences;
  p.batcher.token_budget = model()->deployment().token_budget;
  p.batcher.kv_blocks = kv_blocks;
  return p;
}

FactorySpec factory(const KvTransfer& transfer, int prefill = 1, int decode = 1, std::int64_t decode_blocks = 10'000) {
  FactorySpec spec;
  spec.pools = {pool(PoolRole::prefill, prefill), pool(PoolRole::decode, decode, decode_blocks)};
  spec.pools[1].transfers = {transfer, {}};
  return spec;
}

FactorySpec colocated() {
  FactorySpec spec;
  spec.pools = {pool(PoolRole::both)};
  return spec;
}

Request request(std::int64_t id, double arrival_s, std::int32_t input, std::int32_t output) {
  Request r;
  r.id = id;
  r.arrival = ns_from_seconds(arrival_s);
  r.input_tokens = input;
  r.output_tokens = output;
  return r;
}

Ticks prefill_ticks(const std::vector<std::int64_t>& prompts) {
  StepSums sums;
  for (const std::int64_t tokens : prompts) sums.add_chunk(0, tokens, true, 0);
  return ticks_from_seconds(model()->evaluate(sums).total());
}

/// Output tokens 2 .. `output` of one sequence alone.
Ticks decode_ticks(std::int64_t input, std::int64_t output) {
  return model()->decode_line(1).sum(input + 1, 1, output - 1);
}

KvTransfer transfer(double latency_s, double seconds_per_byte, double overlap = 0) {
  KvTransfer t;
  t.latency_s = latency_s;
  t.seconds_per_byte = seconds_per_byte;
  t.overlap = overlap;
  t.bytes_per_token = 131072;
  return t;
}

}  // namespace

TEST_CASE("a request alone takes its prefill, the transfer and its decode steps") {
  const Ns prefill = floor_ns(prefill_ticks({1000}));
  const Ns latency = 7'000, sending = ns_from_seconds(1000 * 131072.0 / 50e9);
  const Ns there = prefill + sending + latency;
  const RunRecord r = run_factory(factory(transfer(7e-6, 1 / 50e9)), {request(0, 0, 1000, 200)});
  REQUIRE(r.rows.size() == 1);
  CHECK(r.rows[0].first_token == prefill);
  CHECK(r.rows[0].finish == floor_ns(ticks_from_ns(there) + decode_ticks(1000, 200)));
  CHECK(r.rows[0].pool == 1);
  CHECK(r.pools[0].input_tokens == 1000);
  CHECK(r.pools[0].output_tokens == 1);
  CHECK(r.pools[1].input_tokens == 0);
  CHECK(r.pools[1].output_tokens == 199);
  CHECK(r.pools[1].transferred_bytes == 1000 * 131072.0);
  CHECK(r.pools[0].peak_kv_blocks == 63);  // 1000 / 16
  CHECK(r.pools[1].peak_kv_blocks == 75);  // 1199 / 16
  CHECK(r.pools[0].decode_busy_seconds == 0);
  CHECK(r.pools[1].prefill_busy_seconds == 0);
}

TEST_CASE("with a transfer that costs nothing a request alone fares as on one replica, to a nanosecond") {
  const std::vector<Request> one = {request(0, 0, 1000, 200)};
  const RunRecord apart = run_factory(factory(transfer(0, 0)), one), together = run_factory(colocated(), one);
  CHECK(apart.rows[0].first_token == together.rows[0].first_token);
  // The cache leaves at a whole nanosecond, so up to one is lost.
  CHECK(together.rows[0].finish - apart.rows[0].finish >= 0);
  CHECK(together.rows[0].finish - apart.rows[0].finish <= 1);
}

TEST_CASE("a request of one output token needs no decode pool") {
  const RunRecord r = run_factory(factory(transfer(1, 1)), {request(0, 0, 500, 1)});
  CHECK(r.rows[0].finish == r.rows[0].first_token);
  CHECK(r.rows[0].pool == 0);
  CHECK(r.pools[1].steps == 0);
}

TEST_CASE("caches leave a prefill replica one after the other, those of two replicas side by side") {
  const std::vector<Request> two = {request(0, 0, 1000, 2), request(1, 0, 1000, 2)};
  const Ns sending = ns_from_seconds(1000 * 131072.0 / 1e9);
  const Ns decode = floor_ns(decode_ticks(1000, 2));
  // Both arrive at once: the first begins alone, the second follows in a step of its own, and its cache waits.
  const Ns first = floor_ns(prefill_ticks({1000})), second = floor_ns(2 * prefill_ticks({1000}));
  REQUIRE(second < first + sending);
  const RunRecord one_link = run_factory(factory(transfer(0, 1e-9)), two);
  CHECK(std::abs(one_link.rows[0].finish - (first + sending + decode)) <= 1);
  CHECK(std::abs(one_link.rows[1].finish - (first + 2 * sending + decode)) <= 1);
  const RunRecord two_links = run_factory(factory(transfer(0, 1e-9), 2, 2), two);
  for (const RequestRow& row : two_links.rows) CHECK(std::abs(row.finish - (first + sending + decode)) <= 1);
}

TEST_CASE("what is sent layer by layer is hidden behind the prefill, as long as that lasts") {
  const std::vector<Request> one = {request(0, 0, 1000, 2)};
  const Ns prefill = floor_ns(prefill_ticks({1000})), decode = floor_ns(decode_ticks(1000, 2));
  const double fast = 1 / 50e9, slow = 1e-9;
  const Ns quick = ns_from_seconds(1000 * 131072.0 * fast), long_one = ns_from_seconds(1000 * 131072.0 * slow);
  REQUIRE(quick < prefill);
  REQUIRE(long_one > prefill);
  CHECK(std::abs(run_factory(factory(transfer(0, fast, 0.75)), one).rows[0].finish - (prefill + quick / 4 + decode)) <=
        1);
  CHECK(std::abs(run_factory(factory(transfer(0, slow, 1)), one).rows[0].finish - (long_one + decode)) <= 1);
}

TEST_CASE("prompts that keep coming do not lengthen the decode steps of a pool of its own") {
  std::vector<Request> all = {request(0, 0, 200, 300)};
  for (int i = 1; i <= 40; ++i) all.push_back(request(i, 0.05 * i, 4000, 1));
  const auto tpot = [&](const RunRecord& r) { return seconds_from_ns(r.rows[0].finish - r.rows[0].first_token) / 299; };
  const double alone = tpot(run_factory(factory(transfer(0, 0)), {all[0]}));
  CHECK(tpot(run_factory(factory(transfer(0, 0)), all)) == Approx(alone).epsilon(1e-9));
  CHECK(tpot(run_factory(colocated(), all)) > 1.5 * alone);
}

TEST_CASE("a request that no decode replica can ever hold is refused when it arrives") {
  const FactorySpec spec = factory(transfer(0, 0), 1, 1, 40);  // 640 tokens
  const RunRecord r = run_factory(spec, {request(0, 0, 600, 41), request(1, 0, 600, 42), request(2, 0, 641, 1)});
  CHECK(r.rows[0].state == RequestState::served);  // 640 tokens are cached when the last one is sampled
  CHECK(r.rows[1].state == RequestState::rejected);
  CHECK(r.rows[1].replica == -1);
  CHECK(r.rows[2].state == RequestState::served);
  CHECK(r.rejected_too_long == 1);
  CHECK(r.pools[0].input_tokens == 1241);
}

TEST_CASE("a cache waits for blocks of the decode replica, and its prefill replica is free of it meanwhile") {
  const FactorySpec spec = factory(transfer(0, 0), 1, 1, 40);
  const RunRecord r = run_factory(spec, {request(0, 0, 600, 41), request(1, 0, 600, 41)});
  CHECK(r.rows[1].first_token < r.rows[0].finish);
  CHECK(r.rows[1].preemptions == 0);
  CHECK(std::abs(r.rows[1].finish - (r.rows[0].finish + floor_ns(decode_ticks(600, 41)))) <= 1);
  CHECK(r.pools[1].peak_kv_blocks == 40);
}

TEST_CASE("a cache does not join where that would preempt in the same step") {
  // After its first step here one sequence fills 11 of 22 blocks to the last token; the other's cache takes 11.
  const FactorySpec spec = factory(transfer(0, 0), 2, 1, 22);
  const RunRecord r = run_factory(spec, {request(0, 0, 175, 3), request(1, 1e-4, 170, 2)});
  CHECK(r.pools[1].preemptions == 0);
  CHECK(std::abs(r.rows[1].finish - (r.rows[0].finish + floor_ns(decode_ticks(170, 2)))) <= 1);
}

TEST_CASE("a full prefill replica begins again when a cache has left it") {
  FactorySpec spec = factory(transfer(0.5, 0), 1);
  spec.pools[0].batcher.kv_blocks = 40;
  const RunRecord r = run_factory(spec, {request(0, 0, 600, 2), request(1, 0, 600, 2)});
  const Ns prefill = floor_ns(prefill_ticks({600}));
  CHECK(r.rows[0].first_token == prefill);
  CHECK(std::abs(r.rows[1].first_token - (2 * prefill + 500'000'000)) <= 1);
}

TEST_CASE("a decode replica that preempts computes the lost cache itself") {
  const FactorySpec spec = factory(transfer(0, 0), 2, 1, 60);
  const RunRecord r = run_factory(spec, {request(0, 0, 400, 300), request(1, 0, 400, 300)});
  CHECK(r.served == 2);
  CHECK(r.pools[0].preemptions == 0);
  CHECK(r.pools[1].preemptions > 0);
  CHECK(r.pools[1].recomputed_tokens > 400);
  CHECK(r.pools[1].prefill_busy_seconds > 0);
  CHECK(r.pools[1].transferred_bytes == 800 * 131072.0);
}

TEST_CASE("layers with an attention window send their window only") {
  KvTransfer t;
  t.bytes_per_token = 100;
  t.window_bytes_per_token = 50;
  t.window_tokens = 1024;
  CHECK(t.bytes(1000) == 150'000);
  CHECK(t.bytes(5000) == 500'000 + 51'200);
}
