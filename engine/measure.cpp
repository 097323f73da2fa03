#include "engine/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <thread>

#include "engine/measure_points.h"

namespace tokenfab::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

/// Fills times: after a call to warm up, rounds of one call each on cold caches, or else of at least 2 ms.
void time_point(Measurement& m, const Point& point, Probe& probe, int rounds) {
  const auto timed = [&](std::int64_t calls) {
    if (point.cold) probe.evict();
    probe.backend().synchronize();
    const Clock::time_point begin = Clock::now();
    for (std::int64_t i = 0; i < calls; ++i) point.run();
    probe.backend().synchronize();
    return seconds_since(begin) / static_cast<double>(calls);
  };
  if (!point.cold) timed(1);
  const double once = timed(1);
  const auto calls = point.cold ? 1 : static_cast<std::int64_t>(std::clamp(2e-3 / std::max(once, 1e-7), 1.0, 1000.0));
  std::vector<double> times;
  for (int r = 0; r < rounds; ++r) times.push_back(timed(calls) / static_cast<double>(m.layers));
  std::sort(times.begin(), times.end());
  const auto at = [&](double q) {
    return times[static_cast<std::size_t>(std::lround(q * static_cast<double>(times.size() - 1)))];
  };
  m.median_s = at(0.5), m.p10_s = at(0.1), m.p90_s = at(0.9);
  m.rounds = rounds;
}

constexpr double kEnergySeconds = 0.35;  // counters are brought up to date some ten times a second

/// Joules of one call, over as many as fill the window.
double energy_of(const Point& point, Probe& probe, PowerMeter& meter) {
  const double before = meter.joules();
  const Clock::time_point begin = Clock::now();
  std::int64_t calls = 0;
  while (seconds_since(begin) < kEnergySeconds) {
    point.run();
    probe.backend().synchronize();
    ++calls;
  }
  return (meter.joules() - before) / static_cast<double>(calls);
}

std::vector<Point> points_of(Probe& probe) {
  std::vector<Point> points;
  add_decode_steps(probe, points);
  add_operators(probe, points);
  add_other_steps(probe, points);
  return points;
}

}  // namespace

double idle_watts(PowerMeter& meter, double seconds) {
  const double before = meter.joules();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return (meter.joules() - before) / seconds;
}

std::int64_t measure(Engine& engine, const MeasureOptions& options, const std::set<std::string>& known,
                     const std::function<void(const Measurement&)>& done) {
  Probe probe(engine, options);
  const Clock::time_point begin = Clock::now();
  std::int64_t left = 0;
  std::map<std::string, std::int64_t> have;
  for (const Point& point : points_of(probe)) {
    std::int64_t& of_its_kind = have[point.what.kind + " " + point.what.op];
    if (known.count(point.what.key) > 0) {
      ++of_its_kind;
      continue;
    }
    if (seconds_since(begin) >= options.seconds && of_its_kind >= options.least_of_each) {
      ++left;
      continue;
    }
    Measurement m = point.what;
    time_point(m, point, probe, options.rounds);
    if (options.meter && m.kind == "step") m.joules = energy_of(point, probe, *options.meter);
    done(m);
    ++of_its_kind;
  }
  return left;
}

}  // namespace tokenfab::engine
