#include "hwmodels/op_work.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tokenfab {
namespace {

constexpr double kGroupSize = 128;  // weights per 16-bit scale below 8 bits (group-wise, symmetric)
constexpr double kActivationBytes = 2;

}  // namespace

double dtype_bytes(Dtype t) {
  switch (t) {
    case Dtype::bf16:
      return 2;
    case Dtype::fp8:
    case Dtype::int8:
      return 1;
    case Dtype::int4:
      return 0.5 + 2 / kGroupSize;
    case Dtype::int3:
      return 0.375 + 2 / kGroupSize;
    case Dtype::int2:
      return 0.25 + 2 / kGroupSize;
  }
  throw InternalError("dtype has no size");
}

OpWork gemm_work(const GemmShape& s, double rows, Dtype weights) {
  return {s.n * s.k * dtype_bytes(weights) + rows * (s.n + s.k) * kActivationBytes, 2 * rows * s.n * s.k};
}

std::vector<GemmShape> gemm_shapes(OpClass c, const Llm& m, int tensor_parallel) {
  const double tp = tensor_parallel, hidden = m.hidden, head = m.head_dim, ffn = m.ffn / tp;
  const double q = m.heads / tp, kv = std::max(1.0, m.kv_heads / tp);
  if (c == OpClass::lm_head) return {{m.vocab / tp, hidden}};
  if (c == OpClass::qkv_gemm && !m.mla) return {{(q + 2 * kv) * head, hidden}};
  if (c == OpClass::o_gemm && !m.mla) return {{hidden, q * head}};
  if (c == OpClass::mlp_gemm && !m.moe) return {{(m.gated_mlp ? 2 : 1) * ffn, hidden}, {hidden, ffn}};
  return {};
}

OpWork attention_work(const AttentionShape& s, double tokens, double pairs, double kv_tokens, Dtype kv) {
  return {kv_tokens * 2 * s.kv_heads * s.head_dim * dtype_bytes(kv) +
              tokens * 2 * s.q_heads * s.head_dim * kActivationBytes,
          4 * s.q_heads * s.head_dim * pairs};
}

double elementwise_elements(const Llm& m, double ffn, double tp) {
  return 8.0 * m.hidden + 4.0 * m.heads * m.head_dim / tp + 3.0 * ffn / tp;
}

OpWork expert_work(const ExpertShape& s, double touched, double rows, double copied_rows, Dtype weights) {
  return {s.weights() * touched * dtype_bytes(weights), 2 * s.weights() * rows, copied_rows * expert_row_bytes(s)};
}

double expert_row_bytes(const ExpertShape& s) {
  const double hidden = 4 * s.hidden;  // gathered copy out and in, product out, sum in
  const double ffn = 6 * s.ffn;        // gate and up out and in, activation out and in
  return (hidden + ffn) * kActivationBytes;
}

double touched_experts(double experts, double top_k, double tokens) {
  return experts * -std::expm1(tokens * std::log1p(-top_k / experts));
}

}  // namespace tokenfab
