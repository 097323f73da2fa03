#pragma once
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "kernels/backend.h"
#include "kernels/cases/op_case.h"

namespace tokenfab::kernels {

/// What this machine does at best, measured in the same run: 1e9 bytes and 1e12 operations per second.
struct Ceilings {
  double copy_gbps = 0;   // bytes read + written
  double triad_gbps = 0;  // a = b + s c: two read, one written; CPU only
  double read_gbps = 0;   // read only; on a GPU by the backend's own product with one row
  double tflops = 0;      // f32 multiply-adds on a CPU, a large bf16 product of the backend on a GPU
  double best_gbps() const;
};
Ceilings measure_ceilings(Backend& backend, bool gpu);

struct BenchRow {
  std::string family, name;
  double bytes = 0, flop = 0;
  double error = 0;     // worst error over its tolerance; above 1: wrong, and then not timed
  std::string failure;  // what the backend refused or threw; then neither checked nor timed
  double median_us = 0, p10_us = 0, p90_us = 0;
  int rounds = 0, copies = 1;
  double rotated_bytes = 0;  // what the copies stream together; in cache where small
  double baseline_us = 0;    // the library's time for the same product in its dense type; 0: none
  bool good() const { return failure.empty() && error <= 1; }
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
  MatmulBaseline baseline;       // called once for each shape
  std::function<void(const std::string& name)> begin;  // called before each case, where given
};
/// Runs the cases by value: each is checked at its own shape (the reference is evaluated at some 1,000 outputs spread
/// over all), then timed. A fresh backend holds each case's memory. A case that throws is a row with its failure; a
/// backend that cannot be made again afterwards throws out of here. Returns how many cases were left when time ran out.
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
