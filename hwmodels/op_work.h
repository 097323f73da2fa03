#pragma once
#include <vector>

#include "hwmodels/types.h"

// Useful bytes and FLOP of one call of an operator on one chip: what the step model counts, and what fits count.
namespace tokenfab {

double dtype_bytes(Dtype t);  // below 8 bits group-wise: bits / 8 + a 16-bit scale per 128 elements

struct OpWork {
  double bytes = 0, flop = 0;
  double copied =
      0;  // bytes of kernels that run before, between and after the products, at the memory's full bandwidth
};

/// A matrix product of one layer: [rows, k] x [k, n].
struct GemmShape {
  double n = 0, k = 0;
};
/// The products of a dense class (qkv_gemm, o_gemm, mlp_gemm, lm_head) on one of `tensor_parallel` chips; empty where
/// the class is not made of plain products: latent attention, routed experts.
std::vector<GemmShape> gemm_shapes(OpClass c, const Llm& llm, int tensor_parallel);
/// Weights read once, 16-bit activations in and out.
OpWork gemm_work(const GemmShape& shape, double rows, Dtype weights);

/// Heads on one chip.
struct AttentionShape {
  double q_heads = 0, kv_heads = 0, head_dim = 0;
};
/// `tokens` queries in all; `pairs`: for each query the positions that it attends to; `kv_tokens` read. 16-bit queries
/// and outputs.
OpWork attention_work(const AttentionShape& shape, double tokens, double pairs, double kv_tokens, Dtype kv);

/// Of one layer and token, elements that the small kernels move: two norms with residual (4 reads or writes of the
/// hidden state each), the rotary embedding with the KV write (q and k in and out), the gated activation (two halves
/// in, one out).
double elementwise_elements(const Llm& llm, double ffn, double tensor_parallel);

/// Routed experts of one layer on one chip. A row is one token at one expert.
struct ExpertShape {
  double hidden = 0, ffn = 0;  // ffn: of one expert, its share on this chip
  double weights() const { return 3 * hidden * ffn; }
};
/// `touched` experts are read; `rows` rows are multiplied. `copied_rows` rows are gathered, activated and summed up:
/// more than `rows` where an expert-parallel chip also handles the rows of other chips' experts.
OpWork expert_work(const ExpertShape& shape, double touched, double rows, double copied_rows, Dtype weights);
/// Bytes per row of gathering it, of both products' inputs and outputs, of the activation and of the weighted sum.
double expert_row_bytes(const ExpertShape& shape);
/// Experts that uniform routing touches, in the mean.
double touched_experts(double experts, double top_k, double tokens);

}  // namespace tokenfab
