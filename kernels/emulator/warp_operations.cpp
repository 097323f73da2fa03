#include <algorithm>

#include "kernels/cuda/platform.cuh"

namespace tokenfab::kernels::cuda {
inline namespace emulated {

namespace {

struct Vote {
  bool value;
  unsigned result;
};

void vote(void* const* slots) {
  unsigned mask = 0;
  for (int i = 0; i < kWarp; ++i)
    if (static_cast<const Vote*>(slots[i])->value) mask |= 1u << i;
  for (int i = 0; i < kWarp; ++i) static_cast<Vote*>(slots[i])->result = mask;
}

struct Fragments {
  float* d;
  const std::uint32_t* a;
  const std::uint32_t* b;
};

void spread(float* at, std::uint32_t pair) {
  const Float2 v = unpack_bf16(pair);
  at[0] = v.x;
  at[1] = v.y;
}

/// m16n8k16: lane 4 g + t holds A[g, g + 8][2t, 2t + 1, 2t + 8, 2t + 9], B[the same k][g], D[g, g + 8][2t, 2t + 1].
void multiply(void* const* slots) {
  float a[16][16], b[8][16];
  for (int i = 0; i < kWarp; ++i) {
    const auto* f = static_cast<const Fragments*>(slots[i]);
    const int g = i / 4, t = i % 4;
    spread(&a[g][2 * t], f->a[0]);
    spread(&a[g + 8][2 * t], f->a[1]);
    spread(&a[g][2 * t + 8], f->a[2]);
    spread(&a[g + 8][2 * t + 8], f->a[3]);
    spread(&b[g][2 * t], f->b[0]);
    spread(&b[g][2 * t + 8], f->b[1]);
  }
  for (int i = 0; i < kWarp; ++i) {
    const auto* f = static_cast<const Fragments*>(slots[i]);
    for (int j = 0; j < 4; ++j) {
      const float *row = a[i / 4 + 8 * (j / 2)], *column = b[i % 4 * 2 + j % 2];
      float sum = f->d[j];
      for (int k = 0; k < 16; ++k) sum += row[k] * column[k];
      f->d[j] = sum;
    }
  }
}

struct MatrixRows {
  const void* row;
  std::uint32_t* r;
};

/// Lane i gets elements 2 (i % 4) and the next of row i / 4 of each matrix, or of the column i / 4.
template <int matrices, bool transposed>
void load_matrices(void* const* slots) {
  std::uint16_t m[8 * matrices][8];
  for (int i = 0; i < 8 * matrices; ++i) std::memcpy(m[i], static_cast<const MatrixRows*>(slots[i])->row, 16);
  for (int i = 0; i < kWarp; ++i)
    for (int j = 0; j < matrices; ++j) {
      const int major = i / 4, minor = i % 4 * 2;
      const std::uint32_t lo = transposed ? m[8 * j + minor][major] : m[8 * j + major][minor];
      const std::uint32_t hi = transposed ? m[8 * j + minor + 1][major] : m[8 * j + major][minor + 1];
      static_cast<const MatrixRows*>(slots[i])->r[j] = hi << 16 | lo;
    }
}

template <int matrices, bool transposed>
void load_rows(std::uint32_t* r, const void* row) {
  if (lane_index() < 8 * matrices) require_aligned(row);
  MatrixRows slot{row, r};
  warp_collective(&load_matrices<matrices, transposed>, &slot);
}

}  // namespace

unsigned ballot(bool p) {
  Vote slot{p, 0};
  warp_collective(&vote, &slot);
  return slot.result;
}

void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  Fragments slot{d, a, b};
  warp_collective(&multiply, &slot);
}

void load_matrix_x4(std::uint32_t (&r)[4], const void* row) { load_rows<4, false>(r, row); }
void load_matrix_x4_trans(std::uint32_t (&r)[4], const void* row) { load_rows<4, true>(r, row); }
void load_matrix_x2(std::uint32_t (&r)[2], const void* row) { load_rows<2, false>(r, row); }

}  // namespace emulated
}  // namespace tokenfab::kernels::cuda
