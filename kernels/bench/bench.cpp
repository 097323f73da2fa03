#include "kernels/bench/bench.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace tokenfab::kernels {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

constexpr double kMostBytes = 3e9;  // of one case's copies on a CPU

int copies_for(const OpCase& c, const BenchOptions& options) {
  if (c.streamed <= 0) return 1;
  double wanted = options.working_set_bytes;
  if (wanted <= 0) wanted = options.gpu ? 256e6 : 3 * last_level_cache_bytes();
  const double most = options.gpu ? 16e9 : kMostBytes;
  return static_cast<int>(
      std::clamp(std::ceil(wanted / c.streamed), 1.0, std::max(1.0, std::min(64.0, most / c.streamed))));
}

BenchRow run_case(OpCase& c, Backend& backend, const BenchOptions& options) {
  BenchRow row;
  row.family = c.family, row.name = c.name, row.bytes = c.bytes, row.flop = c.flop;
  row.copies = copies_for(c, options);
  c.prepare(backend, row.copies);
  c.run(backend, 0);
  row.error = c.check(backend, 256);
  if (row.error > 1) return row;
  for (int i = 0; i < row.copies; ++i) c.run(backend, i);  // before recording: libraries tune themselves
  backend.synchronize();
  const auto all = backend.record([&] {
    for (int i = 0; i < row.copies; ++i) c.run(backend, i);
  });
  const Timing t = time_calls(
      all, [&] { backend.synchronize(); }, options.rounds, options.gpu ? 1e-3 : 5e-3);
  const double each = 1e6 / row.copies;
  row.median_us = t.median_s * each, row.p10_us = t.p10_s * each, row.p90_us = t.p90_s * each;
  row.rounds = options.rounds;
  if (options.baseline && c.gemm_m > 0) row.baseline_us = options.baseline(c.gemm_m, c.gemm_n, c.gemm_k);
  return row;
}

}  // namespace

double last_level_cache_bytes() {
  for (const int name : {_SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE}) {
    const long bytes = ::sysconf(name);
    if (bytes > 0) return static_cast<double>(bytes);
  }
  return 32.0 * (1 << 20);
}

Timing time_calls(const std::function<void()>& call, const std::function<void()>& wait, int rounds, double least_s) {
  const auto timed = [&](std::int64_t calls) {
    const Clock::time_point begin = Clock::now();
    for (std::int64_t i = 0; i < calls; ++i) call();
    wait();
    return since(begin) / static_cast<double>(calls);
  };
  timed(1);
  const double once = timed(1);
  const auto calls = static_cast<std::int64_t>(std::clamp(std::ceil(least_s / std::max(once, 1e-8)), 1.0, 1e5));
  timed(calls);
  std::vector<double> times;
  for (int r = 0; r < rounds; ++r) times.push_back(timed(calls));
  std::sort(times.begin(), times.end());
  const auto at = [&](double q) {
    return times[static_cast<std::size_t>(std::lround(q * static_cast<double>(times.size() - 1)))];
  };
  return {at(0.5), at(0.1), at(0.9)};
}

int run_bench(const std::function<std::unique_ptr<Backend>()>& make_backend, const BenchOptions& options,
              const std::function<void(const BenchRow&)>& done) {
  const Clock::time_point begin = Clock::now();
  const DType act = make_backend()->activation();
  int left = 0;
  for (const auto& c : bench_cases(act, options.size)) {
    if (c->name.find(options.filter) == std::string::npos || options.known.count(c->name) > 0) continue;
    if (since(begin) >= options.seconds) {
      ++left;
      continue;
    }
    const auto backend = make_backend();
    done(run_case(*c, *backend, options));
    c->release();
  }
  return left;
}

}  // namespace tokenfab::kernels
