#pragma once
#include <cstdint>

#include "kernels/cuda/context.h"
#include "kernels/ops.h"

/// The kernels behind matmul() and grouped_matmul(), to be called by those two.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// y [m, n] (+)= x [m, k] W^T; x bf16, y bf16 or f32, strides in values.
struct MatmulShape {
  const char* x = nullptr;
  std::int64_t x_stride = 0;
  const char* w = nullptr;
  const char* scales = nullptr;
  char* y = nullptr;
  std::int64_t y_stride = 0;
  int m = 0, n = 0, k = 0;
  bool y_is_f32 = false, accumulate = false;
};

/// As GroupedMatmulArgs: which rows of x and y an expert e has, and where its matrix lies.
struct Groups {
  const std::int32_t* order = nullptr;
  std::int32_t divide = 1;
  const std::int32_t* offsets = nullptr;
  int experts = 0;
  std::int64_t w_bytes = 0, scale_bytes = 0;  // from one expert to the next
};

/// A vendor library, where one is present.
class MatmulLibrary {
 public:
  virtual ~MatmulLibrary() = default;
  /// Queues the product with bf16 weights; false where it cannot.
  virtual bool matmul(Context&, const MatmulShape&) = 0;
};

// Few rows (any number works). The sums' order is fixed, whatever m and the grouping.
void skinny_bf16(Context&, const MatmulShape&);
void skinny_i8(Context&, const MatmulShape&);
void skinny_e4m3(Context&, const MatmulShape&);
void skinny_i4(Context&, const MatmulShape&);
void skinny(Context&, DType, const MatmulShape&);
void grouped_skinny_bf16(Context&, const MatmulShape&, const Groups&);
void grouped_skinny_i8(Context&, const MatmulShape&, const Groups&);
void grouped_skinny_e4m3(Context&, const MatmulShape&, const Groups&);
void grouped_skinny_i4(Context&, const MatmulShape&, const Groups&);

// Many rows, bf16 weights.
void tiled_bf16(Context&, const MatmulShape&);
void grouped_tiled_bf16(Context&, const MatmulShape&, const Groups&);

/// Rows first .. first + count of a weight in this backend's layout, as bf16 [count, k]. `first` is a multiple of 16.
void dequantize(Context&, const Weight&, std::int64_t first, std::int64_t count, void* to);

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
