#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "kernels/bench/bench.h"
#include "kernels/cases/case_data.h"
#include "kernels/cpu/micro.h"
#include "kernels/cpu/thread_pool.h"

namespace tokenfab::kernels {
namespace {

constexpr int kRounds = 7;

/// STREAM-like: arrays far beyond the caches, one contiguous part per thread, which first touches it.
class CpuCeilings {
 public:
  CpuCeilings()
      : pool_(static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))),
        parts_(static_cast<std::uint32_t>(pool_.threads())),
        each_(static_cast<std::size_t>(std::max(32e6, 3 * last_level_cache_bytes() / sizeof(float))) / parts_),
        a_(new float[each_ * parts_]),
        b_(new float[each_ * parts_]),
        c_(new float[each_ * parts_]),
        sums_(parts_ * kApart) {
    all([this](std::uint32_t p) {
      for (std::size_t i = p * each_; i < (p + 1) * each_; ++i)
        a_[i] = 0, b_[i] = 1e-6f * static_cast<float>(i % 997), c_[i] = b_[i];
    });
  }
  Ceilings measure() {
    const double bytes = static_cast<double>(each_ * parts_) * sizeof(float);
    Ceilings c;
    c.copy_gbps =
        2 * bytes /
        timed([this](std::uint32_t p) { std::memcpy(&a_[p * each_], &b_[p * each_], each_ * sizeof(float)); }) / 1e9;
    c.triad_gbps = 3 * bytes / timed([this](std::uint32_t p) { triad(p); }) / 1e9;
    c.read_gbps = bytes / timed([this](std::uint32_t p) {
                    sums_[p * kApart] = cpu::micro().sum(&b_[p * each_], static_cast<std::int64_t>(each_));
                  }) /
                  1e9;
    double flop = 0;
    const double seconds = timed([&](std::uint32_t p) {
      constexpr std::int64_t kSteps = 2'000'000;
      double done = 0;
      sums_[p * kApart] = cpu::micro().multiply_add(kSteps, done);
      if (p == 0) flop = done;
    });
    c.tflops = flop * parts_ / seconds / 1e12;
    return c;
  }

 private:
  static constexpr std::size_t kApart = 32;  // floats between two threads' results: no cache line is shared

  void all(const std::function<void(std::uint32_t)>& body) {
    pool_.run(parts_, [&](std::uint32_t p, int) { body(p); });
  }
  double timed(const std::function<void(std::uint32_t)>& body) {
    return time_calls([&] { all(body); }, [] {}, kRounds, 5e-3).median_s;
  }
  void triad(std::uint32_t p) {
    float* const a = &a_[p * each_];
    const float *const b = &b_[p * each_], *const c = &c_[p * each_];
    for (std::size_t i = 0; i < each_; ++i) a[i] = b[i] + 0.4f * c[i];
  }

  cpu::ThreadPool pool_;
  std::uint32_t parts_;
  std::size_t each_;
  std::unique_ptr<float[]> a_, b_, c_;
  std::vector<float> sums_;
};

/// A copy of 2 GB of random numbers by the backend's own gather, a product with a 2 GB matrix, and an 8192^3 product.
Ceilings gpu_ceilings(Backend& backend) {
  Ceilings c;
  const auto rate = [&](OpCase& op, double amount) {
    op.prepare(backend, 1);
    const double seconds =
        time_calls([&] { op.run(backend, 0); }, [&] { backend.synchronize(); }, kRounds, 5e-3).median_s;
    op.release();
    return amount / seconds;
  };
  Buffers memory(backend);
  const HostMatrix numbers = random_matrix("copy", DType::f32, 65536, 8192);
  const Tensor from = memory.upload(numbers), to = memory.output(DType::f32, 65536, 8192);
  const Timing copy = time_calls(
      [&] {
        backend.gather({from, nullptr, to});
      },
      [&] { backend.synchronize(); }, kRounds, 5e-3);
  c.copy_gbps = 2 * static_cast<double>(numbers.bytes.size()) / copy.median_s / 1e9;
  const auto row = matmul_case(backend.activation(), {1, 131072, 8192}),
             square = matmul_case(backend.activation(), {8192, 8192, 8192});
  c.read_gbps = rate(*row, row->bytes) / 1e9;
  c.tflops = rate(*square, square->flop) / 1e12;
  return c;
}

}  // namespace

Ceilings measure_ceilings(Backend& backend, bool gpu) { return gpu ? gpu_ceilings(backend) : CpuCeilings().measure(); }

}  // namespace tokenfab::kernels
