// One sequence at a time and a constant step: M/G/1 with classes and orders of service.
#include <cmath>

#include "tests/catch.h"
#include "tests/support/policy_runs.h"

using namespace tokenfab;
using namespace tokenfab::testing;

namespace {

constexpr Ns kStep = 1'000'000;  // a start waits for the step in progress: half a step too long
constexpr double kStep_s = 1e-3;
constexpr int kReplications = 20;
constexpr double kStudent99 = 2.861;  // t quantile 0.995, 19 degrees of freedom

struct Estimate {
  double mean = 0, half_width = 0;  // 99 % confidence over replications
};

template <class Run>
Estimate replicate(Run&& run) {
  double sum = 0, squares = 0;
  for (std::uint32_t i = 0; i < kReplications; ++i) {
    const double w = run(i);
    sum += w;
    squares += w * w;
  }
  const double mean = sum / kReplications;
  return {mean, kStudent99 * std::sqrt((squares - kReplications * mean * mean) / (kReplications - 1) / kReplications)};
}

/// Poisson arrivals with an output drawn by `steps(random, request)`.
template <class Steps>
std::vector<Request> poisson(double rate, std::int64_t count, std::uint32_t replication, Steps&& steps) {
  RandomStream gaps(11, replication, StreamPurpose::arrivals), lengths(11, replication, StreamPurpose::output_length);
  std::vector<Request> out;
  double t = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    Request r;
    t += gaps.exponential() / rate;
    r.arrival = ns_from_seconds(t);
    r.input_tokens = 1;
    r.output_tokens = std::max(1, static_cast<std::int32_t>(std::ceil(steps(lengths, r))));
    out.push_back(r);
  }
  return out;
}

/// Mean wait in seconds of served requests of a class.
double class_wait(const RunRecord& record, int priority) {
  for (const ClassStats& c : record.classes)
    if (c.priority == priority) return c.latency.queue.mean() * 1e-9;
  return NAN;
}

void check_wait(const Estimate& e, double theory) {
  INFO("simulated " << e.mean << " +- " << e.half_width << " s, theory " << theory << " s");
  CHECK(std::fabs(e.mean - theory) < e.half_width + 3e-3 * theory + 2 * kStep_s);
  CHECK(e.half_width < 0.12 * theory);
}

}  // namespace

TEST_CASE("classes wait as Cobham's non-preemptive priority queue says") {
  // Cobham 1954: W_k = R / ((1 - sigma_{k-1}) (1 - sigma_k)), R = sum lambda E[S^2] / 2, sigma_k = rho_0 + .. + rho_k.
  const double steps[] = {300, 900, 1500}, share[] = {0.5, 0.3, 0.2}, rho = 0.8;
  double mean = 0;
  for (int k = 0; k < 3; ++k) mean += share[k] * steps[k] * kStep_s;
  const double rate = rho / mean;
  double residual = 0, sigma[4] = {};
  for (int k = 0; k < 3; ++k) {
    residual += rate * share[k] * std::pow(steps[k] * kStep_s, 2) / 2;
    sigma[k + 1] = sigma[k] + rate * share[k] * steps[k] * kStep_s;
  }
  Estimate waits[3];
  for (int k = 0; k < 3; ++k)
    waits[k] = replicate([&](std::uint32_t i) {
      const auto requests = poisson(rate, 20000, i, [&](RandomStream& random, Request& r) {
        const double u = random.uniform();
        r.priority = u < share[0] ? 0 : u < share[0] + share[1] ? 1 : 2;
        return steps[r.priority];
      });
      return class_wait(run_pool(queue_pool(1, kStep, {.queue = QueueOrder::priority}), requests), k);
    });
  for (int k = 0; k < 3; ++k) check_wait(waits[k], residual / ((1 - sigma[k]) * (1 - sigma[k + 1])));
  CHECK(waits[0].mean < waits[1].mean);
  CHECK(waits[1].mean < waits[2].mean);
}

namespace {

constexpr double kMeanSteps = 1000;

double exponential_steps(RandomStream& random, Request&) { return kMeanSteps * random.exponential(); }

double mean_wait(const Scheduling& scheduling, double rho, std::uint32_t replication) {
  const auto requests = poisson(rho / (kMeanSteps * kStep_s), 20000, replication, exponential_steps);
  return run_pool(queue_pool(1, kStep, scheduling), requests).latency.queue.mean() * 1e-9;
}

/// Mean wait of M/M/1 with the shortest job first, service 1, by the integral over job sizes (Miller and Schrage 1966):
/// a job of size x waits R / (1 - rho(x))^2, where rho(x) is the load of smaller jobs and R = lambda E[S^2] / 2.
double shortest_first_wait(double rho) {
  double sum = 0;
  const double dx = 1e-3;
  for (double x = dx / 2; x < 40; x += dx) {
    const double smaller = rho * (1 - std::exp(-x) * (1 + x));
    sum += std::exp(-x) * dx * rho / std::pow(1 - smaller, 2);
  }
  return sum;
}

}  // namespace

TEST_CASE("the shortest job first waits as M/G/1-SJF says, and less than by arrival") {
  const double rho = 0.7;
  const auto wait = [&](const Scheduling& s) {
    return replicate([&](std::uint32_t i) { return mean_wait(s, rho, i); });
  };
  const Estimate shortest = wait({.queue = QueueOrder::shortest_job}), arrival = wait({});
  check_wait(shortest, shortest_first_wait(rho));
  check_wait(arrival, rho / (1 - rho));
  CHECK(shortest.mean < 0.8 * arrival.mean);

  // Blunt predictions give most of it away; ageing that outweighs every output gives back the order of arrival.
  const Estimate blunt = wait({.queue = QueueOrder::shortest_job, .prediction_error = 1});
  CHECK(blunt.mean > 1.05 * shortest.mean);
  CHECK(blunt.mean < arrival.mean);
  const Scheduling aged{.queue = QueueOrder::shortest_job, .ageing_tokens_per_s = 1e9};
  for (std::uint32_t i = 0; i < 3; ++i) CHECK(mean_wait(aged, rho, i) == mean_wait({}, rho, i));
}
