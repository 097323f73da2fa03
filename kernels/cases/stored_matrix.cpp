#include "kernels/cases/stored_matrix.h"

#include <cmath>

#include "kernels/random_weights.h"

namespace tokenfab::kernels {

StoredMatrix random_matrix(DType type, std::int64_t n, std::int64_t k) {
  StoredMatrix m;
  const std::uint64_t key = weight_key(1, "w");
  const float sigma = 1.0f / std::sqrt(static_cast<float>(k));
  m.data.resize(static_cast<std::size_t>(n * k * bits_per_value(type) / 8));
  if (type == DType::bf16) {
    auto* w = reinterpret_cast<bf16*>(m.data.data());
    for (std::int64_t i = 0; i < n * k; ++i) w[i] = bf16(random_weight(key, static_cast<std::uint64_t>(i), sigma));
  } else {
    // Random bytes are valid codes of every type but e4m3, whose NaN is avoided.
    for (std::size_t i = 0; i < m.data.size(); ++i) {
      const auto code =
          static_cast<std::uint8_t>(bits_of(random_weight(key, static_cast<std::uint64_t>(i), 1.0f)) >> 9);
      m.data[i] = type == DType::e4m3 && (code & 0x7f) == 0x7f ? std::uint8_t{0x3f} : code;
    }
    const std::int64_t count = type == DType::i4 ? n * (k / kInt4Group) : n;
    const float unit = sigma / (type == DType::i4 ? 4.6f : type == DType::i8 ? 74.0f : 100.0f);
    m.scales.resize(static_cast<std::size_t>(count * (type == DType::i4 ? 2 : 4)));
    for (std::int64_t i = 0; i < count; ++i) {
      const float scale = unit * (1.0f + 0.25f * random_weight(key ^ 1, static_cast<std::uint64_t>(i), 1.0f));
      if (type == DType::i4) reinterpret_cast<bf16*>(m.scales.data())[i] = bf16(scale);
      else reinterpret_cast<float*>(m.scales.data())[i] = scale;
    }
  }
  m.view = {m.data.data(), m.scales.empty() ? nullptr : m.scales.data(), type, n, k};
  return m;
}

double stored_value(const Weight& w, std::int64_t row, std::int64_t col) {
  const std::int64_t i = row * w.k + col;
  const auto* bytes = static_cast<const std::uint8_t*>(w.data);
  switch (w.type) {
    case DType::bf16:
      return static_cast<float>(static_cast<const bf16*>(w.data)[i]);
    case DType::i8:
      return static_cast<double>(static_cast<const std::int8_t*>(w.data)[i]) * static_cast<const float*>(w.scales)[row];
    case DType::e4m3: {
      e4m3 v;
      v.bits = bytes[i];
      return static_cast<double>(static_cast<float>(v)) * static_cast<const float*>(w.scales)[row];
    }
    default: {
      const bf16 scale = static_cast<const bf16*>(w.scales)[row * (w.k / kInt4Group) + col / kInt4Group];
      return static_cast<double>(i % 2 ? int4_high(bytes[i / 2]) : int4_low(bytes[i / 2])) * static_cast<float>(scale);
    }
  }
}

}  // namespace tokenfab::kernels
