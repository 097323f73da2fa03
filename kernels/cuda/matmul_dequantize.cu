#include <stdexcept>

#include "kernels/cuda/matmul_internal.h"
#include "kernels/cuda/weight_format.cuh"

/// Quantised weights as bf16, for products of so many rows that reading W twice more costs little.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr unsigned kThreads = 256;

/// One thread converts the 16 bytes that one lane of skinny.cuh would load.
template <class Format>
TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 1)
    dequantize_kernel(const char* w, const char* scales, int count, int k, std::uint32_t* to) {
  grid_dependency_wait();
  grid_dependency_launch();
  constexpr int kLaneColumns = Format::unit_columns / 4;
  const std::int64_t run = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  int row, column;
  float scale;
  if constexpr (Format::packed) {
    const std::int64_t tile = run / 64;
    const int units = k / Format::unit_columns, place = static_cast<int>(run % 64);
    row = static_cast<int>(tile / units) * 16 + place / 32 * 8 + place % 32 / 4;
    column = static_cast<int>(tile % units) * Format::unit_columns + place % 4 * kLaneColumns;
    if (row >= count) return;
    const Float2 pair = unpack_bf16(*reinterpret_cast<const std::uint32_t*>(scales + tile * 32 + place % 32 / 4 * 4));
    scale = place < 32 ? pair.x : pair.y;
  } else {
    const int runs = k / kLaneColumns;
    row = static_cast<int>(run / runs);
    column = static_cast<int>(run % runs) * kLaneColumns;
    if (row >= count) return;
    scale = reinterpret_cast<const float*>(scales)[row];
  }
  const Quad q = load16_stream(w + run * 16);
  std::uint32_t out[kLaneColumns / 2];
  TF_UNROLL
  for (int step = 0; step < kLaneColumns / 4; ++step) Format::fragment(q, step, out[2 * step], out[2 * step + 1]);
  std::uint32_t* at = to + (static_cast<std::int64_t>(row) * k + column) / 2;
  TF_UNROLL
  for (int i = 0; i < kLaneColumns / 2; i += 4) {
    Quad scaled;
    const auto times = [&](std::uint32_t pair) {
      const Float2 v = unpack_bf16(pair);
      return pack_bf16(v.x * scale, v.y * scale);
    };
    scaled = {times(out[i]), times(out[i + 1]), times(out[i + 2]), times(out[i + 3])};
    store16(at + i, scaled);
  }
}

template <class Format>
void launch_dequantize(Context& c, const char* w, const char* scales, std::int64_t count, std::int64_t k, void* to) {
  const std::int64_t rows = Format::packed ? (count + 15) / 16 * 16 : count;
  const std::int64_t runs = rows * (k / (Format::unit_columns / 4));
  launch_dependent(c, dequantize_kernel<Format>, {static_cast<unsigned>((runs + kThreads - 1) / kThreads)}, {kThreads},
                   0, w, scales, static_cast<int>(count), static_cast<int>(k), static_cast<std::uint32_t*>(to));
}

}  // namespace

void dequantize(Context& c, const Weight& w, std::int64_t first, std::int64_t count, void* to) {
  const auto* data = static_cast<const char*>(w.data) + first * w.k * bits_per_value(w.type) / 8;
  const auto* scales = static_cast<const char*>(w.scales);
  switch (w.type) {
    case DType::i8:
      return launch_dequantize<WeightI8>(c, data, scales + first * 4, count, w.k, to);
    case DType::e4m3:
      return launch_dequantize<WeightE4m3>(c, data, scales + first * 4, count, w.k, to);
    case DType::i4:
      return launch_dequantize<WeightI4>(c, data, scales + first * (w.k / kInt4Group) * 2, count, w.k, to);
    default:
      throw std::invalid_argument("dequantize: the weight is not quantised");
  }
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
