#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <vector>

#include "kernels/bench/bench.h"

namespace tokenfab::kernels {
namespace {

/// The largest data cache of the first core, as Linux lists it ("32768K").
double listed_cache_bytes() {
  double most = 0;
  for (int i = 0; i < 8; ++i) {
    std::ifstream in("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/size");
    double size = 0;
    char unit = 0;
    if (in >> size >> unit) most = std::max(most, size * (unit == 'M' ? 1 << 20 : unit == 'K' ? 1 << 10 : 1));
  }
  return most;
}

}  // namespace

double last_level_cache_bytes() {
  const long described = ::sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (described > 0) return static_cast<double>(described);
  const double listed = listed_cache_bytes();
  return listed > 0 ? listed : 32.0 * (1 << 20);
}

Timing time_calls(const std::function<void()>& call, const std::function<void()>& wait, int rounds, double least_s) {
  using Clock = std::chrono::steady_clock;
  const auto timed = [&](std::int64_t calls) {
    const Clock::time_point begin = Clock::now();
    for (std::int64_t i = 0; i < calls; ++i) call();
    wait();
    return std::chrono::duration<double>(Clock::now() - begin).count() / static_cast<double>(calls);
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

}  // namespace tokenfab::kernels
