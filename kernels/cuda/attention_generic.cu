#include "kernels/cuda/attention_internal.cuh"
#include "kernels/cuda/vector_io.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr int kWarps = 8, kThreads = kWarps * kWarp;

template <DType type>
TF_DEV float value_at(const char* row, int column) {
  if constexpr (type == DType::bf16) return static_cast<float>(reinterpret_cast<const bf16*>(row)[column]);
  else if constexpr (type == DType::i8) return reinterpret_cast<const std::int8_t*>(row)[column];
  else return static_cast<float>(reinterpret_cast<const e4m3*>(row)[column]);
}

/// The sequence that owns a row of q. By a full warp.
TF_DEV Sequence owner_of(const AttentionJob& j, int query) {
  int before = 0;  // sequences that end at or before it
  for (int s = static_cast<int>(threadIdx.x) % kWarp; s < j.sequences; s += kWarp)
    if (j.query_start[s + 1] <= query) ++before;
  return sequence_at(j, warp_count(before));
}

/// A block per query and head: each warp takes every eighth token, and the warps' sums are added in order. A lane has
/// every 32nd column, N of the value's.
template <DType type, int N>
TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 2) generic_kernel(AttentionJob j) {
  begin_dependent();
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const Sequence s = owner_of(j, static_cast<int>(blockIdx.x));
  const int head = static_cast<int>(blockIdx.y) / j.group;
  const int row = (static_cast<int>(blockIdx.x) - s.first_query) * j.group + static_cast<int>(blockIdx.y) % j.group;
  const RowView view = view_of(j, s, row);
  constexpr int kValueBytes = type == DType::bf16 ? 2 : 1;
  const char* values = j.values ? j.values : j.keys;
  const float* value_scales = j.values ? j.value_scales : j.key_scales;
  const int value_stride = j.values ? j.value_dim : j.head_dim;
  float* query = reinterpret_cast<float*>(dynamic_shared());
  float* sums = query + j.head_dim;  // [kWarps][value_dim], after the largest score and the weight of each
  TF_SHARED float scales[2][kWarps];
  for (int i = static_cast<int>(threadIdx.x); i < j.head_dim; i += kThreads)
    query[i] = static_cast<float>(query_row(j, s, head, row)[i]) * j.scale_log2;
  sync_threads();
  float most = minus_infinity(), weight = 0, o[N] = {};
  for (int token = warp; token < s.length; token += kWarps) {
    if (!view.sees(token, s.before())) continue;
    const unsigned at = cache_row(j, s.index, head, token);
    const char* key = j.keys + static_cast<std::int64_t>(at) * j.head_dim * kValueBytes;
    float score = 0;
    for (int i = lane; i < j.head_dim; i += kWarp) score = fmaf(query[i], value_at<type>(key, i), score);
    score = warp_sum(score);
    if (j.key_scales) score *= j.key_scales[at];
    const float to = fmaxf(most, score), factor = rebase(most, to), p = exp2_fast(score - to);
    const float pv = value_scales ? p * value_scales[at] : p;
    const char* value = values + static_cast<std::int64_t>(at) * value_stride * kValueBytes;
    TF_UNROLL
    for (int i = 0; i < N; ++i) {
      const int column = lane + kWarp * i;
      if (column < j.value_dim) o[i] = fmaf(pv, value_at<type>(value, column), o[i] * factor);
    }
    weight = fmaf(weight, factor, p);
    most = to;
  }
  TF_UNROLL
  for (int i = 0; i < N; ++i)
    if (lane + kWarp * i < j.value_dim) sums[warp * j.value_dim + lane + kWarp * i] = o[i];
  if (lane == 0) scales[0][warp] = most, scales[1][warp] = weight;
  sync_threads();
  float to = minus_infinity(), total = 0;
  for (int w = 0; w < kWarps; ++w) to = fmaxf(to, scales[0][w]);
  for (int w = 0; w < kWarps; ++w) total += scales[1][w] * rebase(scales[0][w], to);
  const float inverse = total > 0 ? 1.0f / total : 0.0f;
  for (int column = static_cast<int>(threadIdx.x); column < j.value_dim; column += kThreads) {
    float sum = 0;
    for (int w = 0; w < kWarps; ++w) sum = fmaf(sums[w * j.value_dim + column], rebase(scales[0][w], to), sum);
    output_row(j, s, head, row)[column] = to_bf16(sum * inverse);
  }
}

template <DType type>
void launch_generic(Context& c, const AttentionJob& j, const AttentionBounds& b) {
  const Dim3 grid{static_cast<unsigned>(b.rows), static_cast<unsigned>(j.kv_heads * j.group)};
  const auto shared = static_cast<std::size_t>(j.head_dim + kWarps * j.value_dim) * sizeof(float);
  if (j.value_dim <= 128) launch_dependent(c, generic_kernel<type, 4>, grid, {kThreads}, shared, j);
  else if (j.value_dim <= 512) launch_dependent(c, generic_kernel<type, 16>, grid, {kThreads}, shared, j);
  else launch_dependent(c, generic_kernel<type, 32>, grid, {kThreads}, shared, j);
}

}  // namespace

void attention_generic(Context& c, DType type, const AttentionJob& j, const AttentionBounds& b) {
  if (type == DType::bf16) launch_generic<DType::bf16>(c, j, b);
  else if (type == DType::e4m3) launch_generic<DType::e4m3>(c, j, b);
  else launch_generic<DType::i8>(c, j, b);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
