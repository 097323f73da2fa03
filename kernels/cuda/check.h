#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

#include "kernels/tensor.h"

/// What the launchers ask of their arguments.
namespace tokenfab::kernels::cuda {

inline void require_that(bool condition, const char* operation, const char* what) {
  if (!condition) throw std::invalid_argument(std::string(operation) + ": " + what);
}
inline void require_type(const Tensor& t, DType type, const char* operation, const char* operand) {
  if (t.type != type)
    throw std::invalid_argument(std::string(operation) + ": " + operand + " must be " + name(type) + ", not " +
                                name(t.type));
}
inline bool aligned16(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

/// Every row starts at a multiple of 16 bytes, and so does every eighth column.
inline bool aligned_rows(const Tensor& t) {
  return aligned16(t.data) && t.stride * bits_per_value(t.type) / 8 % 16 == 0;
}

}  // namespace tokenfab::kernels::cuda
