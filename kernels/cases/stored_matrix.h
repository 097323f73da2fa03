#pragma once
#include <cstdint>
#include <vector>

#include "kernels/tensor.h"

namespace tokenfab::kernels {

/// A canonical weight of random stored values: what a quantizer might have produced.
struct StoredMatrix {
  std::vector<std::uint8_t> data, scales;
  Weight view;
};
StoredMatrix random_matrix(DType type, std::int64_t n, std::int64_t k);

/// What the stored number at (row, col) of a canonical weight stands for.
double stored_value(const Weight& w, std::int64_t row, std::int64_t col);

}  // namespace tokenfab::kernels
