#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

#include "kernels/bench/bench.h"
#include "kernels/cpu/micro.h"
#include "kernels/cpu/thread_pool.h"

namespace tokenfab::kernels {
namespace {

constexpr int kRounds = 7;

/// STREAM-like: arrays far beyond the caches, one contiguous part per thread.
Ceilings cpu_ceilings() {
  cpu::ThreadPool pool(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  const auto parts = static_cast<std::uint32_t>(pool.threads());
  const auto floats = static_cast<std::size_t>(std::max(64e6, last_level_cache_bytes() / 2));
  const std::size_t each = floats / parts;
  std::vector<float> a(floats, 1.0f), b(floats, 2.0f);
  std::vector<float> sums(parts);
  const auto timed = [&](const std::function<void(std::uint32_t)>& body) {
    return time_calls([&] { pool.run(parts, [&](std::uint32_t p, int) { body(p); }); }, [] {}, kRounds, 1e-3).median_s;
  };
  Ceilings c;
  const double bytes = static_cast<double>(each * parts) * sizeof(float);
  c.copy_gbps =
      2 * bytes / timed([&](std::uint32_t p) { std::memcpy(&b[p * each], &a[p * each], each * sizeof(float)); }) / 1e9;
  c.read_gbps =
      bytes /
      timed([&](std::uint32_t p) { sums[p] = cpu::micro().sum(&a[p * each], static_cast<std::int64_t>(each)); }) / 1e9;
  constexpr std::int64_t kSteps = 2'000'000;
  double flop = 0;
  const double seconds = timed([&](std::uint32_t p) {
    double done = 0;
    sums[p] = cpu::micro().multiply_add(kSteps, done);
    if (p == 0) flop = done;
  });
  c.tflops = flop * parts / seconds / 1e12;
  return c;
}

/// A copy of 2 GB by the backend's own gather, a product with a 2 GB matrix, and an 8192^3 product on random data.
Ceilings gpu_ceilings(Backend& backend) {
  Ceilings c;
  Buffers memory(backend);
  constexpr std::int64_t kRows = 65536, kCols = 8192;
  const Tensor from = memory.output(DType::f32, kRows, kCols), to = memory.output(DType::f32, kRows, kCols);
  backend.fill(from.data, 0x3c, static_cast<std::size_t>(kRows * kCols * 4));
  const auto wait = [&] { backend.synchronize(); };
  const double bytes = static_cast<double>(kRows * kCols) * 4;
  c.copy_gbps = 2 * bytes /
                time_calls(
                    [&] {
                      backend.gather({from, nullptr, to});
                    },
                    wait, kRounds, 1e-3)
                    .median_s /
                1e9;
  const auto big = matmul_case(backend.activation(), DType::bf16, 1, 131072, 8192),
             square = matmul_case(backend.activation(), DType::bf16, 8192, 8192, 8192);
  big->prepare(backend, 1);
  c.read_gbps = big->bytes / time_calls([&] { big->run(backend, 0); }, wait, kRounds, 1e-3).median_s / 1e9;
  big->release();
  square->prepare(backend, 1);
  c.tflops = square->flop / time_calls([&] { square->run(backend, 0); }, wait, kRounds, 1e-3).median_s / 1e12;
  return c;
}

}  // namespace

Ceilings measure_ceilings(Backend& backend, bool gpu) { return gpu ? gpu_ceilings(backend) : cpu_ceilings(); }

}  // namespace tokenfab::kernels
