#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/tensor.h"

namespace tokenfab::engine {

/// A canonical matrix [n, k] in host memory (layout: kernels/tensor.h and numeric.h).
struct HostMatrix {
  kernels::DType type = kernels::DType::bf16;
  std::int64_t n = 0, k = 0;
  std::vector<std::uint8_t> data, scales;

  kernels::Weight view() const { return {data.data(), scales.empty() ? nullptr : scales.data(), type, n, k}; }
  /// The value that the stored number stands for.
  float value(std::int64_t row, std::int64_t col) const;
};

HostMatrix as_matrix(const std::vector<kernels::bf16>& values, std::int64_t n, std::int64_t k);

/// Round to nearest: e4m3 and i8 with one scale per row (max|w| / 448, / 127); i4 symmetric with one bf16 scale per 128
/// columns (max|w| / 7). bf16 returns the input. UserError where i4 meets k that 128 does not divide.
HostMatrix quantize(const HostMatrix& w, kernels::DType type);

/// Inputs that a layer saw, for the calibrated variant: [samples, k].
struct CalibrationInputs {
  std::int64_t k = 0;
  std::vector<float> rows;
};

/// int4 by GPTQ (Frantar et al. 2022): column by column, each rounding error is spread over the columns that follow
/// through the inverse Hessian of the inputs (damped by 1 % of its mean diagonal). Same storage as quantize().
HostMatrix quantize_gptq(const HostMatrix& w, const CalibrationInputs& inputs);

/// ||w - q|| / ||w||, Frobenius.
double relative_error(const HostMatrix& w, const HostMatrix& q);
double frobenius(const HostMatrix& w);

}  // namespace tokenfab::engine
