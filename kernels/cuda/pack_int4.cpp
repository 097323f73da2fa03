#include "kernels/cuda/pack_int4.h"

#include <algorithm>
#include <cstring>

namespace tokenfab::kernels::cuda {

namespace {

constexpr std::int64_t kRun = 16;  // bytes of a row in one lane

/// Calls f(offset in the packed data, row, byte offset in the canonical row) for each lane's 16 bytes.
template <class F>
void for_each_run(std::int64_t n, std::int64_t k, F f) {
  std::int64_t at = 0;
  for (std::int64_t panel = 0; panel < n; panel += kTileRows)
    for (std::int64_t group = 0; group < k / kInt4Group; ++group)
      for (std::int64_t half = 0; half < 2; ++half)
        for (std::int64_t lane = 0; lane < 32; ++lane, at += kRun)
          f(at, panel + 8 * half + lane / 4, group * (kInt4Group / 2) + lane % 4 * kRun);
}

template <class F>
void for_each_scale(std::int64_t n, std::int64_t k, F f) {
  std::int64_t at = 0;
  for (std::int64_t panel = 0; panel < n; panel += kTileRows)
    for (std::int64_t group = 0; group < k / kInt4Group; ++group)
      for (std::int64_t i = 0; i < kTileRows; ++i, ++at) f(at, panel + i / 2 + 8 * (i % 2), group);
}

int nibble_of(int column) { return column / 2 + 4 * (column % 2); }

std::uint32_t reorder(std::uint32_t word) {
  std::uint32_t r = 0;
  for (int c = 0; c < 8; ++c) r |= (word >> (4 * c) & 15u) << (4 * nibble_of(c));
  return r;
}
std::uint32_t restore(std::uint32_t word) {
  std::uint32_t r = 0;
  for (int c = 0; c < 8; ++c) r |= (word >> (4 * nibble_of(c)) & 15u) << (4 * c);
  return r;
}

template <class F>
void convert_run(const std::uint8_t* from, std::uint8_t* to, F convert) {
  std::uint32_t words[4];
  std::memcpy(words, from, kRun);
  for (std::uint32_t& w : words) w = convert(w);
  std::memcpy(to, words, kRun);
}

}  // namespace

void pack_int4(const std::uint8_t* canonical, std::int64_t n, std::int64_t k, std::uint8_t* packed) {
  for_each_run(n, k, [&](std::int64_t at, std::int64_t row, std::int64_t byte) {
    if (row < n) convert_run(canonical + row * (k / 2) + byte, packed + at, reorder);
    else std::memset(packed + at, 0, kRun);
  });
}

void unpack_int4(const std::uint8_t* packed, std::int64_t n, std::int64_t k, std::uint8_t* canonical) {
  for_each_run(n, k, [&](std::int64_t at, std::int64_t row, std::int64_t byte) {
    if (row < n) convert_run(packed + at, canonical + row * (k / 2) + byte, restore);
  });
}

void pack_int4_scales(const std::uint16_t* canonical, std::int64_t n, std::int64_t k, std::uint16_t* packed) {
  for_each_scale(n, k, [&](std::int64_t at, std::int64_t row, std::int64_t group) {
    packed[at] = row < n ? canonical[row * (k / kInt4Group) + group] : std::uint16_t{0};
  });
}

void unpack_int4_scales(const std::uint16_t* packed, std::int64_t n, std::int64_t k, std::uint16_t* canonical) {
  for_each_scale(n, k, [&](std::int64_t at, std::int64_t row, std::int64_t group) {
    if (row < n) canonical[row * (k / kInt4Group) + group] = packed[at];
  });
}

}  // namespace tokenfab::kernels::cuda
