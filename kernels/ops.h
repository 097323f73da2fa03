#pragma once
#include <cstdint>

#include "kernels/tensor.h"

/// The arguments of every operation of the engine. Pointers are in the backend's memory unless said otherwise.
/// "act" is the backend's activation type: f32 on the CPU, bf16 on CUDA.
namespace tokenfab::kernels {

/// out[i] = table[ids[i]]. table bf16 [vocab, cols]; out act or f32 [tokens, cols].
struct EmbedArgs {
  const std::int32_t* ids = nullptr;
  Weight table;
  Tensor out;
};

/// y = x W^T, or y += with `accumulate`. x act [m, k]; y act or f32 [m, n]. Accumulates in f32.
struct MatmulArgs {
  Tensor x;
  Weight w;
  Tensor y;
  bool accumulate = false;
};

/// residual += x (where x is given), then out = residual / rms(residual) * weight. residual f32 or act [m, cols];
/// weight bf16 [cols]. out act; it may be the residual itself where x is null.
struct RmsNormArgs {
  Tensor x;  // data may be null
  Tensor residual;
  const bf16* weight = nullptr;
  float eps = 1e-5f;
  Tensor out;
};

/// One layer's paged cache. Token t of a sequence lies in page table[t / page_tokens], row t % page_tokens.
/// keys [pages][kv_heads][page_tokens][head_dim], values [pages][kv_heads][page_tokens][value_dim]; with
/// values == nullptr (MLA) the value is the first value_dim numbers of the key.
/// Types: act or bf16, e4m3, i8; the last two multiply by scales [pages][kv_heads][page_tokens] (float).
struct KvCache {
  void* keys = nullptr;
  void* values = nullptr;
  float* key_scales = nullptr;
  float* value_scales = nullptr;
  DType type = DType::bf16;
  std::int32_t page_tokens = 16, kv_heads = 0, head_dim = 0, value_dim = 0;
};

/// Rotates the last `rope_dim` numbers of each head of q (in place) and k (left unspecified), after an optional RMS norm per head
/// (q_norm, k_norm: bf16 [head_dim]), and writes k, v into the cache. q act [tokens, q_heads * head_dim],
/// k act [tokens, kv_heads * head_dim], v act [tokens, kv_heads * value_dim] (null with MLA).
/// Pair (i, i + rope_dim / 2), or (2i, 2i + 1) with `interleaved`, turns by position * inverse_frequency[i].
struct RopeAppendArgs {
  Tensor q, k, v;
  const std::int32_t* positions = nullptr;   // [tokens]
  const std::int64_t* slots = nullptr;       // [tokens] page * page_tokens + row
  const float* inverse_frequency = nullptr;  // [rope_dim / 2]
  std::int32_t q_heads = 0, rope_dim = 0;
  bool interleaved = false;
  const bf16* q_norm = nullptr;
  const bf16* k_norm = nullptr;
  float eps = 1e-6f;
  KvCache kv;
};

/// Causal attention of a ragged batch over paged caches. Sequence s owns query rows query_start[s] ..
/// query_start[s+1]; its cache holds kv_length[s] tokens, this step's included, so its j-th of n queries sees the first
/// kv_length[s] - n + 1 + j tokens. With `tree_mask`, query j sees the tokens before this step's and those of this
/// step's whose bit is set in tree_mask[row] (bit i: i-th query token of the sequence, n <= 64).
/// q act [tokens, q_heads * head_dim]; out act [tokens, q_heads * value_dim]. Softmax in f32.
struct AttentionArgs {
  Tensor q;
  KvCache kv;
  const std::int32_t* query_start = nullptr;  // [sequences + 1]
  const std::int32_t* kv_length = nullptr;    // [sequences]
  const std::int32_t* page_table = nullptr;   // [sequences, max_pages]
  const std::uint64_t* tree_mask = nullptr;
  std::int32_t sequences = 0, max_pages = 0;
  std::int32_t max_query = 0, max_kv = 0;  // upper bounds, for the launch
  std::int32_t q_heads = 0;
  float scale = 0;  // usually 1 / sqrt(head_dim)
  Tensor out;
};

/// out[i] = x[rows[i]]; rows == nullptr: out[i] = x[i]. Same type on both sides; the views' strides may differ.
struct GatherArgs {
  Tensor x;
  const std::int32_t* rows = nullptr;
  Tensor out;
};

/// out[:, i] = silu(gate_up[:, i]) * gate_up[:, i + cols]. gate_up act [m, 2 cols]; out act [m, cols].
struct SwigluArgs {
  Tensor gate_up;
  Tensor out;
};

/// Top-k of a softmax router, and the permutation that groups rows by expert. Row r of the permuted order serves
/// assignment order[r] = token * top_k + j; expert e owns rows offsets[e] .. offsets[e+1], by ascending assignment.
/// Ties go to the lower expert.
struct MoeRouteArgs {
  Tensor logits;  // f32 [tokens, experts]
  std::int32_t top_k = 0;
  bool renormalize = true;           // weights of the chosen experts sum to 1
  float* weights = nullptr;          // [tokens, top_k]
  std::int32_t* experts = nullptr;   // [tokens, top_k]
  std::int32_t* order = nullptr;     // [tokens * top_k]
  std::int32_t* position = nullptr;  // [tokens * top_k], inverse of order
  std::int32_t* offsets = nullptr;   // [experts + 1]
};

/// For each expert e and its rows r: y[r] = x[order[r] / divide] W_e^T; with order == nullptr, y[r] = x[r] W_e^T.
struct GroupedMatmulArgs {
  Tensor x;
  const std::int32_t* order = nullptr;
  std::int32_t divide = 1;
  const std::int32_t* offsets = nullptr;  // [experts + 1]
  const Weight* experts = nullptr;        // host array, all of one type and shape; data consecutive in memory
  std::int32_t expert_count = 0;
  std::int64_t rows = 0;
  Tensor y;
};

/// out[t] (+)= sum over j ascending of weights[t][j] * y[position[t * top_k + j]]. y act; out act or f32.
struct MoeCombineArgs {
  Tensor y;
  const float* weights = nullptr;
  const std::int32_t* position = nullptr;
  std::int32_t top_k = 0;
  bool accumulate = false;
  Tensor out;
};

/// Chooses a token per row: the largest logit (lowest id on ties) where temperature <= 0, else inverse-CDF sampling of
/// softmax(logits / temperature) with uniform[row]. `probabilities`, where given, receives the distribution used
/// (one-hot where greedy).
struct SampleArgs {
  Tensor logits;  // f32 [rows, vocab]
  float temperature = 0;
  const float* uniform = nullptr;  // [rows] in [0, 1)
  std::int32_t* ids = nullptr;     // [rows]
  Tensor probabilities;            // f32 [rows, vocab] or null
};

/// Chain verification by rejection sampling. Sequence s drafted count[s] <= max_draft tokens; its target logits are
/// rows row[s] .. row[s] + count[s]. Accepts drafts while u < p(x) / q(x), then draws from max(0, p - q), or from p
/// after the last draft; greedy where temperature <= 0 (accept while the draft is the argmax). draft_probabilities
/// [sequences * max_draft, vocab]; null means that the draft put all its mass on the drafted token.
/// Writes tokens[s * (max_draft + 1) ..] and accepted[s] (drafts kept; accepted[s] + 1 tokens are written).
struct VerifyArgs {
  Tensor logits;  // f32
  const std::int32_t* row = nullptr;
  const std::int32_t* count = nullptr;
  const std::int32_t* drafts = nullptr;  // [sequences, max_draft]
  Tensor draft_probabilities;
  const float* uniform = nullptr;  // [sequences, max_draft + 1]
  std::int32_t sequences = 0, max_draft = 0;
  float temperature = 0;
  std::int32_t* tokens = nullptr;
  std::int32_t* accepted = nullptr;
};

/// Copies token rows within one layer's cache: slot from[i] to slot to[i] (page * page_tokens + row), keys, values and
/// scales. For copy-on-write and for keeping the accepted path of a tree.
struct CopyKvArgs {
  KvCache kv;
  const std::int64_t* from = nullptr;
  const std::int64_t* to = nullptr;
  std::int64_t count = 0;
};

}  // namespace tokenfab::kernels
