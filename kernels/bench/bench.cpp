#include "kernels/bench/bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <tuple>

namespace tokenfab::kernels {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

constexpr double kMostCpuBytes = 3e9, kMostGpuBytes = 16e9;  // of one case's copies
constexpr int kMostCopies = 640;
constexpr int kLeastRecorded = 32;    // runs in one recording: its launch costs the host some microseconds
constexpr double kGpuRound_s = 2e-3;  // of which waiting takes the host some ten microseconds
constexpr double kCpuRound_s = 5e-3;
constexpr std::int64_t kCheckedOutputs = 1000;

int copies_for(const OpCase& c, const BenchOptions& options) {
  if (c.streamed <= 0) return 1;
  double wanted = options.working_set_bytes;
  if (wanted <= 0) wanted = options.gpu ? 256e6 : 3 * last_level_cache_bytes();
  const double most = (options.gpu ? kMostGpuBytes : kMostCpuBytes) / c.streamed;
  return static_cast<int>(std::clamp(std::ceil(wanted / c.streamed), 1.0, std::clamp(most, 1.0, 1.0 * kMostCopies)));
}

/// On a CPU each call is one run, with the next copy.
Timing time_runs(OpCase& c, Backend& backend, const BenchOptions& options, int copies) {
  int next = 0;
  const auto one = [&] {
    c.run(backend, next);
    next = (next + 1) % copies;
  };
  return time_calls(
      one, [&] { backend.synchronize(); }, options.rounds, kCpuRound_s);
}

/// On a GPU each call replays a recording of all copies, several times over where they are few and short.
Timing time_recording(OpCase& c, Backend& backend, const BenchOptions& options, int copies) {
  const auto pass = [&] {
    for (int i = 0; i < copies; ++i) c.run(backend, i);
  };
  pass();  // before recording: libraries tune themselves
  backend.synchronize();
  const Clock::time_point begin = Clock::now();
  pass();
  backend.synchronize();
  const int repeats = since(begin) > kGpuRound_s ? 1 : (kLeastRecorded + copies - 1) / copies;
  const auto all = backend.record([&] {
    for (int r = 0; r < repeats; ++r) pass();
  });
  Timing t = time_calls(
      all, [&] { backend.synchronize(); }, options.rounds, kGpuRound_s);
  for (double* s : {&t.median_s, &t.p10_s, &t.p90_s}) *s /= copies * repeats;
  return t;
}

BenchRow run_case(OpCase& c, Backend& backend, const BenchOptions& options) {
  BenchRow row;
  row.family = c.family, row.name = c.name, row.bytes = c.bytes, row.flop = c.flop;
  try {
    row.copies = copies_for(c, options);
    row.rotated_bytes = c.streamed * row.copies;
    c.prepare(backend, row.copies);
    c.run(backend, 0);
    row.error = c.check(backend, kCheckedOutputs);
    if (row.error <= 1) {
      const Timing t = (options.gpu ? time_recording : time_runs)(c, backend, options, row.copies);
      row.median_us = t.median_s * 1e6, row.p10_us = t.p10_s * 1e6, row.p90_us = t.p90_s * 1e6;
      row.rounds = options.rounds;
    }
  } catch (const std::exception& e) {
    row.failure = e.what();
  }
  try {
    c.release();
  } catch (const std::exception& e) {
    if (row.failure.empty()) row.failure = e.what();
  }
  return row;
}

}  // namespace

double Ceilings::best_gbps() const { return std::max({copy_gbps, triad_gbps, read_gbps}); }

int run_bench(const std::function<std::unique_ptr<Backend>()>& make_backend, const BenchOptions& options,
              const std::function<void(const BenchRow&)>& done) {
  const Clock::time_point begin = Clock::now();
  const DType act = make_backend()->activation();
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, double> baselines;
  int left = 0;
  for (const auto& c : bench_cases(act, options.size)) {
    if (c->name.find(options.filter) == std::string::npos || options.known.count(c->name) > 0) continue;
    if (since(begin) >= options.seconds) {
      ++left;
      continue;
    }
    if (options.begin) options.begin(c->name);
    BenchRow row;
    {
      const auto backend = make_backend();
      row = run_case(*c, *backend, options);
    }
    if (options.baseline && c->m > 0 && row.good()) {
      const auto [at, fresh] = baselines.try_emplace({c->m, c->n, c->k}, 0);
      if (fresh) at->second = options.baseline(c->m, c->n, c->k);
      row.baseline_us = at->second;
    }
    done(row);
  }
  return left;
}

}  // namespace tokenfab::kernels
