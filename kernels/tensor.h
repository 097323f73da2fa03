#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/numeric.h"

namespace tokenfab::kernels {

enum class DType : std::uint8_t { f32, bf16, e4m3, i8, i4, i32 };
inline constexpr int kInt4Group = 128;  // columns that share one scale

constexpr std::int64_t bits_per_value(DType type) {
  switch (type) {
    case DType::f32:
    case DType::i32: return 32;
    case DType::bf16: return 16;
    case DType::e4m3:
    case DType::i8: return 8;
    case DType::i4: return 4;
  }
  return 0;
}
const char* name(DType type);

/// A view of a row-major matrix in a backend's memory; consecutive rows are `stride` values apart.
struct Tensor {
  void* data = nullptr;
  DType type = DType::f32;
  std::int64_t rows = 0, cols = 0, stride = 0;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  /// Columns [first, first + count) of every row. Not for i4.
  Tensor columns(std::int64_t first, std::int64_t count) const {
    return {static_cast<char*>(data) + first * bits_per_value(type) / 8, type, rows, count, stride};
  }
  Tensor head(std::int64_t count) const { return {data, type, count, cols, stride}; }
};

/// A weight matrix W [n, k] of y = x W^T, in a backend's memory and layout (Backend::load makes it).
/// Stored value times scale: bf16, f32 none; e4m3, i8: float scales[n]; i4: bf16 scales[n][k / 128].
struct Weight {
  const void* data = nullptr;
  const void* scales = nullptr;
  DType type = DType::bf16;
  std::int64_t n = 0, k = 0;

  /// What one pass over the matrix reads.
  std::int64_t bytes() const {
    const std::int64_t scale_bytes = type == DType::i4                               ? n * (k / kInt4Group) * 2
                                     : type == DType::e4m3 || type == DType::i8 ? n * 4
                                                                                     : 0;
    return n * k * bits_per_value(type) / 8 + scale_bytes;
  }
};

}  // namespace tokenfab::kernels
