#include <Eigen/Cholesky>
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "engine/quantize.h"

namespace tokenfab::engine {
namespace {

using kernels::bf16;
using kernels::DType;
using kernels::kInt4Group;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Upper Cholesky factor of the inverse of the damped Hessian X^T X.
Matrix inverse_factor(const CalibrationInputs& inputs) {
  const auto samples = static_cast<Eigen::Index>(inputs.rows.size()) / inputs.k;
  const Matrix x = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
                       inputs.rows.data(), samples, inputs.k)
                       .cast<double>();
  Matrix h = x.transpose() * x;
  double damp = 0.01 * h.diagonal().mean();
  if (!(damp > 0)) damp = 1;
  h.diagonal().array() += damp;
  const Matrix inverse = h.llt().solve(Matrix::Identity(inputs.k, inputs.k));
  return inverse.llt().matrixU();
}

/// Rounds columns [first, first + 128) of one row in order; spreads each error over the columns to the right.
void quantize_group(Eigen::Ref<Eigen::RowVectorXd> row, const Matrix& factor, Eigen::Index first, bf16& scale,
                    std::uint8_t* nibbles) {
  const double top = row.segment(first, kInt4Group).cwiseAbs().maxCoeff();
  scale = bf16(static_cast<float>(top > 0 ? top / 7.0 : 1.0));
  const double s = static_cast<float>(scale);
  for (Eigen::Index c = first; c < first + kInt4Group; ++c) {
    const double level = std::clamp(std::nearbyint(row[c] / s), -8.0, 7.0);
    nibbles[c - first] = static_cast<std::uint8_t>(static_cast<int>(level) + 8);
    const double error = (row[c] - level * s) / factor(c, c);
    const Eigen::Index rest = row.size() - c - 1;
    row.tail(rest) -= error * factor.row(c).tail(rest);
  }
}

}  // namespace

HostMatrix quantize_gptq(const HostMatrix& w, const CalibrationInputs& inputs) {
  require(inputs.k == w.k && !inputs.rows.empty(), "calibration inputs fit the matrix");
  HostMatrix q = quantize(w, DType::i4);  // for its shape; every value and scale is overwritten
  const Matrix factor = inverse_factor(inputs);
  auto* scales = reinterpret_cast<bf16*>(q.scales.data());
#pragma omp parallel for schedule(dynamic, 4)
  for (std::int64_t r = 0; r < w.n; ++r) {
    Eigen::RowVectorXd row(w.k);
    for (std::int64_t c = 0; c < w.k; ++c) row[c] = w.value(r, c);
    std::uint8_t nibbles[kInt4Group];
    for (std::int64_t first = 0; first < w.k; first += kInt4Group) {
      quantize_group(row, factor, first, scales[r * (w.k / kInt4Group) + first / kInt4Group], nibbles);
      std::uint8_t* to = q.data.data() + (r * w.k + first) / 2;
      for (int c = 0; c < kInt4Group; c += 2) to[c / 2] = static_cast<std::uint8_t>(nibbles[c] | nibbles[c + 1] << 4);
    }
  }
  return q;
}

}  // namespace tokenfab::engine
