#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cases/op_case.h"

namespace tokenfab::kernels {

/// What this machine does at best, measured in the same run: bytes moved and multiply-adds, per second.
struct Ceilings {
  double copy_gbps = 0;  // bytes read + written
  double read_gbps = 0;  // read only
  double tflops = 0;     // f32 multiply-adds on a CPU, a large bf16 product on a GPU
  double best_gbps() const { return copy_gbps > read_gbps ? copy_gbps : read_gbps; }
};
Ceilings measure_ceilings(Backend& backend, bool gpu);

struct BenchRow {
  std::string family, name;
  double bytes = 0, flop = 0;
  double error = 0;  // worst error over its tolerance; above 1: wrong, and then not timed
  double median_us = 0, p10_us = 0, p90_us = 0;
  int rounds = 0, copies = 1;
  double baseline_us = 0;  // the library's time for the same product; 0: none
  double gbps() const { return median_us > 0 ? bytes / median_us / 1e3 : 0; }
  double tflops() const { return median_us > 0 ? flop / median_us / 1e6 : 0; }
};

/// Microseconds of a library's y = x W^T at [m, k] x [n, k] in the backend's dense type; 0 where it has none.
using MatmulBaseline = std::function<double(std::int64_t m, std::int64_t n, std::int64_t k)>;

struct BenchOptions {
  std::string size = "cpu", filter;
  double seconds = 60;  // begin no case after this
  int rounds = 9;
  bool gpu = false;
  double working_set_bytes = 0;  // rotated inputs exceed this; 0: three times the last-level cache (GPU: 256 MB)
  std::set<std::string> known;   // names to skip
  MatmulBaseline baseline;
};

/// Runs the cases by value: each is checked first, then timed. A fresh backend holds each case's memory.
/// Returns how many cases were left when time ran out.
int run_bench(const std::function<std::unique_ptr<Backend>()>& make_backend, const BenchOptions& options,
              const std::function<void(const BenchRow&)>& done);

/// Median, p10 and p90 seconds per call of `call`, over rounds of at least `least_s` each.
struct Timing {
  double median_s = 0, p10_s = 0, p90_s = 0;
};
Timing time_calls(const std::function<void()>& call, const std::function<void()>& wait, int rounds, double least_s);

/// Of the last-level cache, from the system's description; 32 MiB where it says nothing.
double last_level_cache_bytes();

}  // namespace tokenfab::kernels
