#pragma once
#include "kernels/cuda/attention_split.cuh"

/// The kernels behind attention(), to be called by it and by each other.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// What the host knows of the batch.
struct AttentionBounds {
  int max_query = 0, max_kv = 0;  // of a sequence that the kernel is to take
  std::int64_t rows = 0;          // queries of all sequences
};

/// For blocks of `tile_rows` rows, of which `resident` run at a time. Decides by the context's mode and workspace.
SplitPlan plan_split(const Context&, const AttentionJob&, const AttentionBounds&, int tile_rows, int resident);

// head_dim and value_dim 64 or 128, with 16-byte aligned rows.
void decode_bf16(Context&, const AttentionJob&, const AttentionBounds&);
void decode_e4m3(Context&, const AttentionJob&, const AttentionBounds&);
void decode_i8(Context&, const AttentionJob&, const AttentionBounds&);
void combine_decode(Context&, const AttentionJob&, const AttentionBounds&, const SplitPlan&);
void prefill_bf16(Context&, const AttentionJob&, const AttentionBounds&);
void prefill_e4m3(Context&, const AttentionJob&, const AttentionBounds&);
void prefill_i8(Context&, const AttentionJob&, const AttentionBounds&);

/// Any dimensions up to 1024, slowly; values == nullptr: the keys' first numbers.
void attention_generic(Context&, DType type, const AttentionJob&, const AttentionBounds&);

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
