#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/power_meter.h"

namespace tokenfab::engine {

/// One measured point: an operator over all layers, or a whole step. `sums` is what a step model is asked about.
struct Measurement {
  std::string key;        // names the point; a resumed sweep skips the keys that it has
  std::string kind;       // "operator" or "step"
  std::string op;         // operator class of the step model, or "decode", "prefill", "mixed", "verify"
  std::int64_t rows = 0;  // tokens in the call
  std::int64_t batch = 0, context = 0, chunk = 0;
  std::int64_t n = 0, k = 0;  // GEMM shape of one layer
  StepSums sums;              // kind "step"
  std::int64_t layers = 1;    // times are per layer: the calls ran over this many in turn
  double median_s = 0, p10_s = 0, p90_s = 0;
  std::int64_t rounds = 0;
  double bytes = 0, flop = 0;  // useful, per layer or step
  double joules = 0;           // per step, where there is a meter; else 0
};

struct MeasureOptions {
  double seconds = 60;             // stop beginning points after this,
  std::int64_t least_of_each = 0;  // but for so many of each operator and kind of step
  std::int64_t most_batch = 64, most_context = 2048, most_prefill = 1024;
  int rounds = 9;
  PowerMeter* meter = nullptr;  // energy of whole steps is read over a third of a second each
  bool sparse = false;          // every fourth size instead of every second: a quick sweep
};

/// Sweeps the engine's operators at its model's shapes, then whole steps: decode over batch x context, prefill, mixed
/// chunked batches, verification of drafts; most valuable first. Calls `done` after each point. Returns how many
/// points were left when time ran out. Overwrites the model's cache.
std::int64_t measure(Engine& engine, const MeasureOptions& options, const std::set<std::string>& known,
                     const std::function<void(const Measurement&)>& done);

/// Watts of the device when it waits: read over `seconds`.
double idle_watts(PowerMeter& meter, double seconds);

}  // namespace tokenfab::engine
