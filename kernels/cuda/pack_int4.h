#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/tensor.h"

/// The int4 layout of the CUDA kernels. A tile is 16 rows x 128 columns (one group) in 1 KB: two halves of 8 rows, in
/// each 32 lanes of 16 bytes; lane 4 g + t has columns 32 t .. 32 t + 31 of row g, eight to a 32-bit word, where column
/// 2 i + j of the eight is nibble i + 4 j (so that masking a shifted word leaves two neighbours). Tiles follow each
/// other along k, then along n; n is padded to whole tiles. Scales: [n / 16][k / 128][8][rows g and g + 8].
namespace tokenfab::kernels::cuda {

inline constexpr std::int64_t kTileRows = 16, kTileBytes = 1024;

constexpr std::int64_t packed_tiles(std::int64_t n, std::int64_t k) {
  return (n + kTileRows - 1) / kTileRows * (k / kInt4Group);
}
constexpr std::int64_t packed_data_bytes(std::int64_t n, std::int64_t k) { return packed_tiles(n, k) * kTileBytes; }
constexpr std::int64_t packed_scale_bytes(std::int64_t n, std::int64_t k) { return packed_tiles(n, k) * kTileRows * 2; }

/// From and to the canonical layout of Weight; what pads is zero, with scale 0. `packed` has packed_data_bytes.
void pack_int4(const std::uint8_t* canonical, std::int64_t n, std::int64_t k, std::uint8_t* packed);
void unpack_int4(const std::uint8_t* packed, std::int64_t n, std::int64_t k, std::uint8_t* canonical);
void pack_int4_scales(const std::uint16_t* canonical, std::int64_t n, std::int64_t k, std::uint16_t* packed);
void unpack_int4_scales(const std::uint16_t* packed, std::int64_t n, std::int64_t k, std::uint16_t* canonical);

}  // namespace tokenfab::kernels::cuda
