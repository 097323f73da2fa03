// The real batcher with a constant step time is a textbook queue: one sequence at a time is M/x/1, c at a time M/M/c.
#include <cmath>

#include "sim/economics/queueing_formulas.h"
#include "sim/fleet/factory.h"
#include "tests/catch.h"
#include "tests/support/sources.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

constexpr Ns kStep = 1'000'000;  // 1 ms; an arrival waits for the step in progress, so discretisation is half a step
constexpr double kMeanSteps = 1000;

enum class Service { exponential, fixed };

/// Mean wait in queue (seconds) of `count` Poisson requests at utilisation `rho` of `servers` servers.
double mean_wait(Service service, int servers, double rho, std::int64_t count, std::uint32_t replication) {
  RandomStream gaps(7, replication, StreamPurpose::arrivals), lengths(7, replication, StreamPurpose::output_length);
  const double rate = rho * servers / (kMeanSteps * seconds_from_ns(kStep));
  std::vector<Request> requests;
  double t = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    t += gaps.exponential() / rate;
    Request r;
    r.arrival = ns_from_seconds(t);
    r.input_tokens = 1;
    // One prefill step and output - 1 decode steps: `output` steps of service.
    const double steps = service == Service::fixed ? kMeanSteps : std::ceil(kMeanSteps * lengths.exponential());
    r.output_tokens = static_cast<std::int32_t>(std::max(1.0, steps));
    requests.push_back(r);
  }
  FactorySpec spec;
  PoolSpec pool;
  pool.name = "queue";
  pool.batcher.max_sequences = servers;
  pool.batcher.token_budget = 1 << 20;
  pool.batcher.kv_blocks = 1 << 30;
  pool.executor = [] { return std::make_unique<ConstantExecutor>(kStep); };
  spec.pools.push_back(pool);
  VectorSource source(std::move(requests));
  RunRecord record;
  simulate(spec, source, record);
  return record.latency.queue.mean() * 1e-9;
}

struct Estimate {
  double mean = 0, half_width = 0;  // 99 % confidence over replications
};

Estimate replicate(Service service, int servers, double rho, std::int64_t count) {
  constexpr int kReplications = 20;
  constexpr double kStudent99 = 2.861;  // t quantile 0.995, 19 degrees of freedom
  double sum = 0, squares = 0;
  for (std::uint32_t i = 0; i < kReplications; ++i) {
    const double w = mean_wait(service, servers, rho, count, i);
    sum += w;
    squares += w * w;
  }
  const double mean = sum / kReplications;
  const double variance = (squares - kReplications * mean * mean) / (kReplications - 1);
  return {mean, kStudent99 * std::sqrt(variance / kReplications)};
}

/// The step in progress delays a start by at most one step; ceil() lengthens service by half a step.
void check_wait(const Estimate& e, double theory) {
  const double service = kMeanSteps * seconds_from_ns(kStep);
  const double discretisation = 2e-3 * theory + 1.5 * seconds_from_ns(kStep);
  INFO("simulated " << e.mean << " +- " << e.half_width << " s, theory " << theory << " s, service " << service);
  CHECK(std::fabs(e.mean - theory) < e.half_width + discretisation);
  CHECK(e.half_width < 0.1 * theory);  // the interval is narrow enough to mean something
}

}  // namespace

TEST_CASE("one sequence at a time with exponential outputs waits as M/M/1") {
  for (const double rho : {0.5, 0.7}) check_wait(replicate(Service::exponential, 1, rho, 20000), rho / (1 - rho));
}

TEST_CASE("one sequence at a time with fixed outputs waits as M/D/1: half of M/M/1") {
  for (const double rho : {0.5, 0.7}) check_wait(replicate(Service::fixed, 1, rho, 20000), rho / (2 * (1 - rho)));
}

TEST_CASE("c sequences at a time with a batch-independent step wait as M/M/c by Erlang C") {
  for (const int servers : {2, 8}) {
    const double rho = 0.8;
    check_wait(replicate(Service::exponential, servers, rho, 40000), erlang_c_wait(servers, rho * servers));
  }
}
