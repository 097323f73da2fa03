#pragma once
#include <cstdint>

/// The inner loops of the CPU backend, compiled once per instruction set. Every result is a fixed sequence of f32
/// operations on 16 lanes, whatever the batch: a row's result does not depend on its neighbours. No inline function of
/// another header is used here, so that no AVX code can reach a machine without it through a shared symbol.
namespace tokenfab::kernels::cpu {

inline constexpr std::int64_t kPanel = 32;  // rows of w decoded at a time where x has many rows

enum class Stored : std::uint8_t { f32, bf16, e4m3, i8, i4 };

/// y[i, j] (+)= dot(x[i, :], w[j, :]) * scale for m rows of x and the rows [first, last) of w.
struct MatmulJob {
  const float* x;
  std::int64_t x_stride, m, k;
  const void* w;  // i4: 32-column blocks of 16 bytes; byte b holds columns b (low) and b + 16 (high)
  Stored type;
  const void* scales;
  std::int64_t first, last;
  float* y;
  std::int64_t y_stride;
  bool accumulate;
  const std::int32_t* x_rows;  // null, or row r reads x[x_rows[r] / divide]
  std::int32_t divide;
  float* scratch;  // kPanel * k floats
};

/// One query token, the q heads that share one kv head, against `length` cached tokens.
struct AttendJob {
  const float* q;  // [group, head_dim]
  std::int32_t group, head_dim, value_dim;
  float scale;
  const void* keys;
  const void* values;
  const float* key_scales;
  const float* value_scales;
  Stored type;
  const std::int32_t* pages;
  std::int32_t page_tokens, kv_heads, kv_head;
  std::int64_t length;     // visible tokens
  std::int64_t tree_from;  // the first token of the step's draft tree; length where there is none
  std::uint8_t tree[64];   // places in the tree of the visible tokens from tree_from on
  std::int32_t* rows;      // scratch: length
  float* scores;           // scratch: group * length rounded up to 16
  float* out;              // [group, value_dim]
};

struct Micro {
  void (*matmul)(const MatmulJob&);
  void (*attend)(const AttendJob&);
  void (*swiglu)(const float* gate, const float* up, float* out, std::int64_t n);
  float (*sum)(const float* x, std::int64_t n);
  float (*multiply_add)(std::int64_t steps, double& flop);  // peak arithmetic: independent chains in registers
  const char* name;
};

/// The best that this machine runs.
const Micro& micro();
extern const Micro kMicroBaseline, kMicroAvx2, kMicroAvx512;

}  // namespace tokenfab::kernels::cpu
