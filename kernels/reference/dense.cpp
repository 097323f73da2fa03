#include <cmath>

#include "kernels/reference/reference.h"

namespace tokenfab::kernels::reference {

double stored(DType type, const void* data, std::int64_t i) {
  switch (type) {
    case DType::f32:
      return static_cast<const float*>(data)[i];
    case DType::i32:
      return static_cast<const std::int32_t*>(data)[i];
    case DType::bf16:
      return static_cast<float>(static_cast<const bf16*>(data)[i]);
    case DType::e4m3:
      return static_cast<float>(static_cast<const e4m3*>(data)[i]);
    case DType::i8:
      return static_cast<const std::int8_t*>(data)[i];
    case DType::i4: {
      const std::uint8_t byte = static_cast<const std::uint8_t*>(data)[i / 2];
      return i % 2 ? int4_high(byte) : int4_low(byte);
    }
  }
  return NAN;
}

double at(const Tensor& t, std::int64_t row, std::int64_t col) { return stored(t.type, t.data, row * t.stride + col); }

double weight_at(const Weight& w, std::int64_t row, std::int64_t col) {
  const double number = stored(w.type, w.data, row * w.k + col);
  if (w.type == DType::i4) return number * stored(DType::bf16, w.scales, row * (w.k / kInt4Group) + col / kInt4Group);
  if (w.type == DType::i8 || w.type == DType::e4m3) return number * stored(DType::f32, w.scales, row);
  return number;
}

double embed(const EmbedArgs& args, std::int64_t row, std::int64_t col) {
  return weight_at(args.table, args.ids[row], col);
}

double gather(const GatherArgs& args, std::int64_t row, std::int64_t col) {
  return at(args.x, args.rows ? args.rows[row] : row, col);
}

Sum matmul(const MatmulArgs& args, std::int64_t row, std::int64_t col) {
  Sum sum;
  for (std::int64_t i = 0; i < args.w.k; ++i) sum.add(at(args.x, row, i) * weight_at(args.w, col, i));
  if (args.accumulate) sum.value += at(args.y, row, col);
  return sum;
}

double swiglu(double gate, double up) { return gate / (1 + std::exp(-gate)) * up; }

NormedRow rms_norm(const RmsNormArgs& args, std::int64_t row) {
  NormedRow r;
  double squares = 0;
  for (std::int64_t i = 0; i < args.residual.cols; ++i) {
    r.residual.push_back(at(args.residual, row, i) + (args.x.data ? at(args.x, row, i) : 0.0));
    squares += r.residual.back() * r.residual.back();
  }
  const double rms = std::sqrt(squares / static_cast<double>(args.residual.cols) + args.eps);
  for (std::int64_t i = 0; i < args.residual.cols; ++i)
    r.out.push_back(r.residual[static_cast<std::size_t>(i)] / rms * stored(DType::bf16, args.weight, i));
  return r;
}

}  // namespace tokenfab::kernels::reference
