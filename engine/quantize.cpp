#include "engine/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace tokenfab::engine {
namespace {

using kernels::bf16;
using kernels::DType;
using kernels::e4m3;
using kernels::kInt4Group;

const bf16* row_of(const HostMatrix& w, std::int64_t row) {
  return reinterpret_cast<const bf16*>(w.data.data()) + row * w.k;
}

float largest(const bf16* x, std::int64_t n) {
  float top = 0;
  for (std::int64_t i = 0; i < n; ++i) top = std::max(top, std::fabs(static_cast<float>(x[i])));
  return top;
}

void per_row(const HostMatrix& w, HostMatrix& q, float limit) {
  auto* scales = reinterpret_cast<float*>(q.scales.data());
  for (std::int64_t r = 0; r < w.n; ++r) {
    const bf16* x = row_of(w, r);
    const float top = largest(x, w.k), scale = top > 0 ? top / limit : 1.0f;
    scales[r] = scale;
    for (std::int64_t c = 0; c < w.k; ++c) {
      const float scaled = static_cast<float>(x[c]) / scale;
      q.data[static_cast<std::size_t>(r * w.k + c)] =
          q.type == DType::i8 ? static_cast<std::uint8_t>(kernels::to_int8(scaled)) : e4m3(scaled).bits;
    }
  }
}

HostMatrix empty_like(const HostMatrix& w, DType type) {
  HostMatrix q{type, w.n, w.k, {}, {}};
  if (type == DType::i4 && w.k % kInt4Group != 0)
    throw UserError("int4 needs rows of a multiple of " + std::to_string(kInt4Group) + " values; a matrix here has " +
                    std::to_string(w.k) + " columns");
  q.data.resize(static_cast<std::size_t>(w.n * w.k * kernels::bits_per_value(type) / 8));
  q.scales.resize(static_cast<std::size_t>(type == DType::i4 ? w.n * (w.k / kInt4Group) * 2 : w.n * 4));
  return q;
}

}  // namespace

float HostMatrix::value(std::int64_t row, std::int64_t col) const {
  const auto i = static_cast<std::size_t>(row * k + col);
  switch (type) {
    case DType::bf16:
      return static_cast<float>(reinterpret_cast<const bf16*>(data.data())[i]);
    case DType::e4m3: {
      e4m3 v;
      v.bits = data[i];
      return static_cast<float>(v) * reinterpret_cast<const float*>(scales.data())[row];
    }
    case DType::i8:
      return static_cast<std::int8_t>(data[i]) * reinterpret_cast<const float*>(scales.data())[row];
    case DType::i4: {
      const std::uint8_t byte = data[i / 2];
      const bf16 scale = reinterpret_cast<const bf16*>(scales.data())[row * (k / kInt4Group) + col / kInt4Group];
      return static_cast<float>(i % 2 ? kernels::int4_high(byte) : kernels::int4_low(byte)) * static_cast<float>(scale);
    }
    default:
      throw InternalError("no such stored matrix");
  }
}

HostMatrix as_matrix(const std::vector<bf16>& values, std::int64_t n, std::int64_t k) {
  HostMatrix m{DType::bf16, n, k, std::vector<std::uint8_t>(values.size() * 2), {}};
  std::memcpy(m.data.data(), values.data(), m.data.size());
  return m;
}

HostMatrix quantize(const HostMatrix& w, DType type) {
  if (type == DType::bf16) return w;
  HostMatrix q = empty_like(w, type);
  if (type == DType::e4m3) return per_row(w, q, 448.0f), q;
  if (type == DType::i8) return per_row(w, q, 127.0f), q;
  require(type == DType::i4, "weights are bf16, fp8, int8 or int4");
  auto* scales = reinterpret_cast<bf16*>(q.scales.data());
  for (std::int64_t r = 0; r < w.n; ++r)
    for (std::int64_t g = 0; g < w.k / kInt4Group; ++g) {
      const bf16* x = row_of(w, r) + g * kInt4Group;
      const float top = largest(x, kInt4Group);
      const bf16 scale(top > 0 ? top / 7.0f : 1.0f);
      scales[r * (w.k / kInt4Group) + g] = scale;
      for (std::int64_t c = 0; c < kInt4Group; ++c) {
        const float level =
            std::clamp(std::nearbyint(static_cast<float>(x[c]) / static_cast<float>(scale)), -8.0f, 7.0f);
        const auto at = static_cast<std::size_t>((r * w.k + g * kInt4Group + c) / 2);
        const auto nibble = static_cast<std::uint8_t>(static_cast<int>(level) + 8);
        q.data[at] = static_cast<std::uint8_t>(c % 2 ? q.data[at] | nibble << 4 : nibble);
      }
    }
  return q;
}

double relative_error(const HostMatrix& w, const HostMatrix& q) {
  double error = 0;
  for (std::int64_t r = 0; r < w.n; ++r)
    for (std::int64_t c = 0; c < w.k; ++c) error += std::pow(static_cast<double>(w.value(r, c)) - q.value(r, c), 2);
  const double norm = frobenius(w);
  return norm > 0 ? std::sqrt(error) / norm : 0;
}

double frobenius(const HostMatrix& w) {
  double squares = 0;
  for (std::int64_t r = 0; r < w.n; ++r)
    for (std::int64_t c = 0; c < w.k; ++c) squares += std::pow(static_cast<double>(w.value(r, c)), 2);
  return std::sqrt(squares);
}

}  // namespace tokenfab::engine
