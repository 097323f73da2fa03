#pragma once
#include <cstdint>

namespace tokenfab {

/// A bijection that scatters neighbouring numbers over 64 bits: splitmix64's finalizer (Steele, Lea, Flood 2014).
constexpr std::uint64_t mix64(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// Block `index` of prompt `prompt`.
constexpr std::uint64_t block_hash(std::uint64_t prompt, std::int64_t index) {
  return mix64(mix64(prompt) ^ static_cast<std::uint64_t>(index));
}

}  // namespace tokenfab
