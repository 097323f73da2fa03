#pragma once
#include "kernels/cuda/platform.cuh"
#include "kernels/tensor.h"

/// How the bytes of a weight row become matrix fragments. A "unit" is 64 bytes of a row, 16 in each of four lanes. A
/// dot product does not mind in which order k is taken, so a lane feeds the instruction the columns that it has
/// loaded (and the same columns of x): step s takes the lane's columns 4 s .. 4 s + 3, two bf16 in `lo`, two in `hi`.
/// run_units bounds what a lane has in flight.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

TF_DEV std::uint32_t word(const Quad& q, int i) { return i == 0 ? q.x : i == 1 ? q.y : i == 2 ? q.z : q.w; }

struct WeightBf16 {
  static constexpr DType type = DType::bf16;
  static constexpr int unit_columns = 32, run_units = 4;
  static constexpr bool packed = false;
  TF_DEV static void fragment(const Quad& q, int step, std::uint32_t& lo, std::uint32_t& hi) {
    lo = word(q, 2 * step);
    hi = word(q, 2 * step + 1);
  }
};

/// Exact: a byte v is (128 + (v & 127)) - (v & 128 ? 256 : 128); both are bf16 numbers that hold v's bits below the
/// exponent of 128.
struct WeightI8 {
  static constexpr DType type = DType::i8;
  static constexpr int unit_columns = 64, run_units = 4;
  static constexpr bool packed = false;
  TF_DEV static std::uint32_t convert(std::uint32_t bytes) {  // in the low byte of each half
    const std::uint32_t low = lop3<0xea>(bytes, 0x007f007fu, 0x43004300u);
    const std::uint32_t high = lop3<0xea>(bytes, 0x00800080u, 0x43004300u);
    return fma_bf16x2(high, 0xbf80bf80u, low);
  }
  TF_DEV static void fragment(const Quad& q, int step, std::uint32_t& lo, std::uint32_t& hi) {
    lo = convert(permute_bytes(word(q, step), 0, 0x4140));
    hi = convert(permute_bytes(word(q, step), 0, 0x4342));
  }
};

/// Exact: the code's exponent and mantissa under a bf16 exponent are the value times 2^-120. NaN becomes 480.
struct WeightE4m3 {
  static constexpr DType type = DType::e4m3;
  static constexpr int unit_columns = 64, run_units = 4;
  static constexpr bool packed = false;
  TF_DEV static std::uint32_t convert(std::uint32_t bytes) {  // in the high byte of each half
    const std::uint32_t bits = lop3<0xea>(bytes, 0x80008000u, bytes >> 4 & 0x07f007f0u);
    return fma_bf16x2(bits, 0x7b807b80u, 0x80008000u);
  }
  TF_DEV static void fragment(const Quad& q, int step, std::uint32_t& lo, std::uint32_t& hi) {
    lo = convert(permute_bytes(word(q, step), 0, 0x1404));
    hi = convert(permute_bytes(word(q, step), 0, 0x3424));
  }
};

/// In the layout of pack_int4.h, where a unit is one group of 128 columns. Exact, before the group's scale.
struct WeightI4 {
  static constexpr DType type = DType::i4;
  static constexpr int unit_columns = 128, run_units = 2;
  static constexpr bool packed = true;
  TF_DEV static std::uint32_t convert(std::uint32_t nibbles) {  // in the low nibble of each half: (128 + q) - 136
    return fma_bf16x2(lop3<0xea>(nibbles, 0x000f000fu, 0x43004300u), 0x3f803f80u, 0xc308c308u);
  }
  TF_DEV static void fragment(const Quad& q, int step, std::uint32_t& lo, std::uint32_t& hi) {
    const std::uint32_t eight = word(q, step / 2) >> (step % 2 * 8);
    lo = convert(eight);
    hi = convert(eight >> 4);
  }
};

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
