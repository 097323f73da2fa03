#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define TOKENFAB_HD __host__ __device__
#else
#define TOKENFAB_HD
#endif

/// Small number formats, the same bits on host and device. No CUDA header is needed.
namespace tokenfab::kernels {

TOKENFAB_HD inline std::uint32_t bits_of(float f) {
  std::uint32_t u;
  std::memcpy(&u, &f, 4);
  return u;
}
TOKENFAB_HD inline float float_of(std::uint32_t u) {
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}

/// bfloat16: the upper half of a float32; rounds to nearest even, keeps NaN.
struct bf16 {
  std::uint16_t bits = 0;

  bf16() = default;
  TOKENFAB_HD explicit bf16(float f) {
    const std::uint32_t u = bits_of(f);
    bits = (u & 0x7fffffffu) > 0x7f800000u ? static_cast<std::uint16_t>((u >> 16) | 0x40u)
                                           : static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  TOKENFAB_HD explicit operator float() const { return float_of(static_cast<std::uint32_t>(bits) << 16); }
};

/// FP8 E4M3 (OCP "fn"): 4 exponent bits of bias 7, no infinity, largest 448. Conversion saturates and rounds to
/// nearest even; NaN is 0x7f.
struct e4m3 {
  std::uint8_t bits = 0;

  e4m3() = default;
  TOKENFAB_HD explicit e4m3(float f) {
    const std::uint32_t u = bits_of(f), sign = (u >> 24) & 0x80u, magnitude = u & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
      bits = 0x7f;
      return;
    }
    std::uint32_t code;
    if (magnitude >= 0x43e00000u) {  // 448 and above
      code = 0x7e;
    } else if (magnitude >= 0x3c800000u) {  // normal: 2^-6 and above
      const std::uint32_t rebased = magnitude - (120u << 23);
      code = (rebased + 0x7ffffu + ((rebased >> 20) & 1u)) >> 20;
      if (code > 0x7e) code = 0x7e;
    } else {  // subnormal: a multiple of 2^-9; adding 2^14 leaves units of 2^-9 in the float's last place
      code = bits_of(float_of(magnitude) + 16384.0f) - 0x46800000u;
    }
    bits = static_cast<std::uint8_t>(sign | code);
  }
  TOKENFAB_HD explicit operator float() const {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x80u) << 24, code = bits & 0x7fu;
    if (code == 0x7f) return float_of(0x7fc00000u);
    if (code < 8) return float_of(sign | bits_of(static_cast<float>(code) * 0x1p-9f));
    return float_of(sign | ((code << 20) + (120u << 23)));
  }
};

/// Nearest int8 (ties to even) of a value already divided by its scale, kept in -127 .. 127.
TOKENFAB_HD inline std::int8_t to_int8(float scaled) {
  const float r = rintf(scaled);
  return static_cast<std::int8_t>(r > 127.0f ? 127.0f : r < -127.0f ? -127.0f : r);
}

/// Symmetric int4: stored as an unsigned nibble q + 8 with q in -8 .. 7; the even column is the low nibble.
TOKENFAB_HD inline int int4_low(std::uint8_t byte) { return (byte & 15) - 8; }
TOKENFAB_HD inline int int4_high(std::uint8_t byte) { return (byte >> 4) - 8; }

}  // namespace tokenfab::kernels
