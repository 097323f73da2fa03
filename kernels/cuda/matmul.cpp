#include <algorithm>
#include <stdexcept>
#include <string>

#include "kernels/cuda/launchers.h"
#include "kernels/cuda/matmul_internal.h"
#include "kernels/cuda/pack_int4.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

/// Up to here a product is bound by the reading of W in our own kernel.
constexpr int kSkinnyRows = 16, kSkinnyQuantizedRows = 64;
constexpr std::int64_t kMostRows = 1 << 30;

void require(bool condition, const std::string& what) {
  if (!condition) throw std::invalid_argument(what);
}

void check_operands(const char* op, const Tensor& x, const Weight& w, const Tensor& y) {
  const std::string shape = std::string(op) + " (m " + std::to_string(x.rows) + ", n " + std::to_string(w.n) + ", k " +
                            std::to_string(w.k) + ", weight " + name(w.type) + "): ";
  require(x.type == DType::bf16, shape + "x must be bf16");
  require(y.type == DType::bf16 || y.type == DType::f32, shape + "y must be bf16 or f32");
  require(w.type != DType::f32 && w.type != DType::i32, shape + "no kernel for this weight type");
  require(w.k % (w.type == DType::i4 ? kInt4Group : 16) == 0 && w.k > 0,
          shape + "k must be a multiple of 16 (of 128 for int4)");
  require(x.cols == w.k && y.cols == w.n, shape + "columns do not match");
  require(x.stride % 8 == 0 && reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0, shape + "x must be 16-byte aligned");
  require(x.rows < kMostRows && w.n < kMostRows && w.k < (1 << 28), shape + "too large");
  require(x.rows * x.stride < (std::int64_t{1} << 31), shape + "x is above 4 GB");
}

MatmulShape shape_of(const Tensor& x, const Weight& w, const Tensor& y, std::int64_t rows) {
  MatmulShape s;
  s.x = x.as<const char>();
  s.x_stride = x.stride;
  s.w = static_cast<const char*>(w.data);
  s.scales = static_cast<const char*>(w.scales);
  s.y = y.as<char>();
  s.y_stride = y.stride;
  s.m = static_cast<int>(rows);
  s.n = static_cast<int>(w.n);
  s.k = static_cast<int>(w.k);
  s.y_is_f32 = y.type == DType::f32;
  return s;
}

void bf16_product(Context& c, const MatmulShape& s) {
  if (!c.library || !c.library->matmul(c, s)) tiled_bf16(c, s);
}

/// Through the workspace, as many rows of W at a time as it holds.
void dequantized_product(Context& c, const MatmulShape& s, const Weight& w, std::int64_t rows_at_once) {
  for (std::int64_t first = 0; first < w.n; first += rows_at_once) {
    const std::int64_t count = std::min(rows_at_once, w.n - first);
    dequantize(c, w, first, count, c.workspace);
    MatmulShape part = s;
    part.w = static_cast<const char*>(c.workspace);
    part.n = static_cast<int>(count);
    part.y += first * (s.y_is_f32 ? 4 : 2);
    bf16_product(c, part);
  }
}

}  // namespace

void skinny(Context& c, DType type, const MatmulShape& s) {
  switch (type) {
    case DType::i8:
      return skinny_i8(c, s);
    case DType::e4m3:
      return skinny_e4m3(c, s);
    case DType::i4:
      return skinny_i4(c, s);
    default:
      return skinny_bf16(c, s);
  }
}

}  // namespace TF_BUILD

void matmul(Context& c, const MatmulArgs& a) {
  check_operands("matmul", a.x, a.w, a.y);
  if (a.x.rows == 0 || a.w.n == 0) return;
  MatmulShape s = shape_of(a.x, a.w, a.y, a.x.rows);
  s.accumulate = a.accumulate;
  const bool quantized = a.w.type != DType::bf16;
  if (c.deterministic || s.m <= (quantized ? kSkinnyQuantizedRows : kSkinnyRows)) return skinny(c, a.w.type, s);
  if (!quantized) return bf16_product(c, s);
  const std::int64_t rows = static_cast<std::int64_t>(c.workspace_bytes) / (2 * a.w.k) / 128 * 128;
  rows > 0 ? dequantized_product(c, s, a.w, rows) : skinny(c, a.w.type, s);
}

void grouped_matmul(Context& c, const GroupedMatmulArgs& a) {
  if (a.expert_count == 0 || a.rows == 0) return;
  const Weight& w = a.experts[0];
  check_operands("grouped_matmul", a.x, w, a.y);
  MatmulShape s = shape_of(a.x, w, a.y, a.rows);
  Groups g;
  g.order = a.order;
  g.divide = a.divide;
  g.offsets = a.offsets;
  g.experts = a.expert_count;
  if (a.expert_count > 1) {
    g.w_bytes = static_cast<const char*>(a.experts[1].data) - s.w;
    g.scale_bytes = static_cast<const char*>(a.experts[1].scales) - s.scales;
  }
  switch (w.type) {
    case DType::i8:
      return grouped_skinny_i8(c, s, g);
    case DType::e4m3:
      return grouped_skinny_e4m3(c, s, g);
    case DType::i4:
      return grouped_skinny_i4(c, s, g);
    default:
      break;
  }
  const bool many = s.m / g.experts >= 32;
  many && !c.deterministic ? grouped_tiled_bf16(c, s, g) : grouped_skinny_bf16(c, s, g);
}

}  // namespace tokenfab::kernels::cuda
