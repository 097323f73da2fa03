#pragma once
#include "kernels/numeric.h"

namespace tokenfab::kernels {

/// A pure function of (key, index), the same bits on every device: integer arithmetic, then one float product.
/// Sum of four 16-bit uniforms (Irwin-Hall), centred and scaled to standard deviation `sigma`; within 3.47 sigma.
TOKENFAB_HD inline float random_weight(std::uint64_t key, std::uint64_t index, float sigma) {
  std::uint64_t z = key + (index + 1) * 0x9e3779b97f4a7c15ull;  // splitmix64 (Steele, Lea, Flood 2014)
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  z ^= z >> 31;
  const int sum = static_cast<int>((z & 0xffff) + ((z >> 16) & 0xffff) + ((z >> 32) & 0xffff) + (z >> 48)) - 131070;
  return static_cast<float>(sum) * (sigma * 2.6428911e-5f);  // 1 / (65536 / sqrt(3))
}

/// FNV-1a of a tensor's name, mixed with the model's seed: the `key` of random_weight.
inline std::uint64_t weight_key(std::uint64_t seed, const char* tensor) {
  std::uint64_t h = 0xcbf29ce484222325ull ^ (seed * 0x9e3779b97f4a7c15ull);
  for (; *tensor; ++tensor) h = (h ^ static_cast<unsigned char>(*tensor)) * 0x100000001b3ull;
  return h;
}

}  // namespace tokenfab::kernels
