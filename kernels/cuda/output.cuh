#pragma once
#include "kernels/cuda/matmul_internal.h"
#include "kernels/cuda/platform.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// Writes (or adds) one sum to y, `at` values from its start.
TF_DEV void store_output(const MatmulShape& s, std::int64_t at, float v) {
  if (s.y_is_f32) {
    float* y = reinterpret_cast<float*>(s.y) + at;
    *y = s.accumulate ? *y + v : v;
  } else {
    bf16* y = reinterpret_cast<bf16*>(s.y) + at;
    y->bits = static_cast<std::uint16_t>(pack_bf16(s.accumulate ? static_cast<float>(*y) + v : v, 0.0f));
  }
}

/// The same for a column and the next; `column` is even.
TF_DEV void store_output_pair(const MatmulShape& s, std::int64_t row, int column, float a, float b) {
  const std::int64_t at = row * s.y_stride + column;
  if (column + 1 < s.n && !s.y_is_f32 && !s.accumulate && s.y_stride % 2 == 0) {
    reinterpret_cast<std::uint32_t*>(s.y)[at / 2] = pack_bf16(a, b);
    return;
  }
  if (column < s.n) store_output(s, at, a);
  if (column + 1 < s.n) store_output(s, at + 1, b);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
