#include <algorithm>

#include "kernels/cuda/check.h"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/vector_io.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr int kWarps = 8, kThreads = kWarps * kWarp;

struct RopeJob {
  RopeAppendArgs args;
  int row_floats = 0;  // shared memory of a warp
  bool wide = false;   // all rows and heads allow 16-byte accesses
};

/// cosines, then sines, of the token's angles. The angle is reduced in double: at a position of 10^5 a float of it is
/// off by 1/100.
TF_DEV void make_rotation(const RopeAppendArgs& a, std::int64_t token, float* rotation) {
  constexpr double kTurn = 6.283185307179586;
  const int half = a.rope_dim / 2;
  for (int i = static_cast<int>(threadIdx.x); i < half; i += kThreads) {
    const double turns = a.positions[token] * static_cast<double>(a.inverse_frequency[i]) / kTurn;
    const float angle = static_cast<float>((turns - rint(turns)) * kTurn);
    rotation[i] = cosf(angle);
    rotation[half + i] = sinf(angle);
  }
}

/// Reads a head into the warp's row; returns the sum of its squares.
TF_DEV float read_head(const bf16* from, int dim, bool wide, float* row, int lane) {
  float squares = 0;
  for (int column = 8 * lane; column < dim; column += 8 * kWarp) {
    float v[8];
    load8(from + column, wide, dim - column, v);
    TF_UNROLL
    for (int e = 0; e < 8; ++e) {
      squares = fmaf(v[e], v[e], squares);
      if (column + e < dim) row[column + e] = v[e];
    }
  }
  return warp_sum(squares);
}

TF_DEV void norm_row(float* row, const bf16* weight, int dim, float squares, float eps, int lane) {
  const float inverse = 1.0f / sqrtf(squares / static_cast<float>(dim) + eps);
  for (int i = lane; i < dim; i += kWarp) row[i] *= inverse * static_cast<float>(weight[i]);
}

TF_DEV void rotate_row(const RopeAppendArgs& a, float* row, const float* rotation, int lane) {
  const int half = a.rope_dim / 2;
  float* part = row + a.kv.head_dim - a.rope_dim;
  for (int i = lane; i < half; i += kWarp) {
    float& first = part[a.interleaved ? 2 * i : i];
    float& second = part[a.interleaved ? 2 * i + 1 : i + half];
    const float x = first, y = second, cosine = rotation[i], sine = rotation[half + i];
    first = x * cosine - y * sine;
    second = x * sine + y * cosine;
  }
}

TF_DEV void read8(const float* row, int count, float factor, float (&v)[8]) {
  TF_UNROLL
  for (int e = 0; e < 8; ++e) v[e] = e < count ? row[e] * factor : 0.0f;
}

TF_DEV void store_bf16(const float* row, int dim, bool wide, bf16* to, int lane) {
  for (int column = 8 * lane; column < dim; column += 8 * kWarp) {
    float v[8];
    read8(row + column, dim - column, 1.0f, v);
    store8(to + column, wide, dim - column, v);
  }
}

TF_DEV std::uint8_t quantize(float scaled, DType type) {
  return type == DType::i8 ? static_cast<std::uint8_t>(to_int8(scaled)) : e4m3(scaled).bits;
}

/// One row of an e4m3 or i8 cache and its scale.
TF_DEV void store_quantized(const float* row, int dim, bool wide, DType type, std::uint8_t* to, float* scale_to,
                            int lane) {
  float most = 0;
  for (int i = lane; i < dim; i += kWarp) most = fmaxf(most, fabsf(row[i]));
  most = warp_max(most);
  const float scale = most > 0 ? most / (type == DType::i8 ? 127.0f : 448.0f) : 1.0f;
  if (lane == 0) *scale_to = scale;
  for (int column = 8 * lane; column < dim; column += 8 * kWarp) {
    std::uint64_t bytes = 0;
    for (int e = 0; e < 8 && column + e < dim; ++e) {
      const std::uint8_t byte = quantize(row[column + e] / scale, type);
      if (wide) bytes |= static_cast<std::uint64_t>(byte) << (8 * e);
      else to[column + e] = byte;
    }
    if (wide) *reinterpret_cast<std::uint64_t*>(to + column) = bytes;
  }
}

TF_DEV void append(const RopeJob& j, std::int64_t token, int head, const float* row, bool is_value, int lane) {
  const KvCache& kv = j.args.kv;
  const std::int64_t slot = j.args.slots[token], page = slot / kv.page_tokens;
  const std::int64_t at = (page * kv.kv_heads + head) * kv.page_tokens + slot % kv.page_tokens;
  const int dim = is_value ? kv.value_dim : kv.head_dim;
  void* base = is_value ? kv.values : kv.keys;
  if (kv.type == DType::bf16) return store_bf16(row, dim, j.wide, static_cast<bf16*>(base) + at * dim, lane);
  store_quantized(row, dim, j.wide, kv.type, static_cast<std::uint8_t*>(base) + at * dim,
                  (is_value ? kv.value_scales : kv.key_scales) + at, lane);
}

/// A warp per head of a token: queries, then keys, then values.
TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 4) rope_append_kernel(RopeJob j) {
  begin_dependent();
  const RopeAppendArgs& a = j.args;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t token = blockIdx.x;
  float* rotation = reinterpret_cast<float*>(dynamic_shared());
  float* row = rotation + a.rope_dim + warp * j.row_floats;
  make_rotation(a, token, rotation);
  sync_threads();
  int head = static_cast<int>(blockIdx.y) * kWarps + warp;
  const bool is_query = head < a.q_heads;
  if (!is_query) head -= a.q_heads;
  const bool is_value = !is_query && head >= a.kv.kv_heads;
  if (is_value) head -= a.kv.kv_heads;
  if (is_value && (!a.kv.values || head >= a.kv.kv_heads)) return;
  const int dim = is_value ? a.kv.value_dim : a.kv.head_dim;
  const Tensor& source = is_query ? a.q : is_value ? a.v : a.k;
  bf16* at = static_cast<bf16*>(source.data) + token * source.stride + static_cast<std::int64_t>(head) * dim;
  const float squares = read_head(at, dim, j.wide, row, lane);
  sync_warp();
  if (!is_value) {
    const bf16* weight = is_query ? a.q_norm : a.k_norm;
    if (weight) norm_row(row, weight, dim, squares, a.eps, lane);
    sync_warp();
    rotate_row(a, row, rotation, lane);
    sync_warp();
  }
  if (is_query) store_bf16(row, dim, j.wide, at, lane);
  else append(j, token, head, row, is_value, lane);
}

void check(const RopeAppendArgs& a) {
  const KvCache& kv = a.kv;
  require_type(a.q, DType::bf16, "rope_append", "q");
  require_type(a.k, DType::bf16, "rope_append", "k");
  require_that(!kv.values || a.v.type == DType::bf16, "rope_append", "v must be bf16");
  require_that(kv.type == DType::bf16 || kv.type == DType::e4m3 || kv.type == DType::i8, "rope_append",
               "the cache must be bf16, e4m3 or i8");
  require_that(kv.type == DType::bf16 || (kv.key_scales && (!kv.values || kv.value_scales)), "rope_append",
               "a quantized cache needs scales");
  require_that(a.rope_dim % 2 == 0 && a.rope_dim <= kv.head_dim && kv.head_dim <= 1024 && kv.value_dim <= 1024,
               "rope_append", "rope_dim must be even and at most head_dim, dimensions at most 1024");
}

}  // namespace
}  // namespace TF_BUILD

void rope_append(Context& c, const RopeAppendArgs& a) {
  check(a);
  if (a.q.rows == 0) return;
  RopeJob j;
  j.args = a;
  j.row_floats = (std::max(a.kv.head_dim, a.kv.values ? a.kv.value_dim : 0) + 7) / 8 * 8 + 4;
  j.wide = a.kv.head_dim % 8 == 0 && aligned_rows(a.q) && aligned_rows(a.k) && aligned16(a.kv.keys) &&
           (!a.kv.values || (a.kv.value_dim % 8 == 0 && aligned_rows(a.v) && aligned16(a.kv.values)));
  const int heads = a.q_heads + (a.kv.values ? 2 : 1) * a.kv.kv_heads;
  const auto shared = static_cast<std::size_t>(a.rope_dim + kWarps * j.row_floats) * sizeof(float);
  launch_dependent(c, rope_append_kernel, {static_cast<unsigned>(a.q.rows), blocks_for(heads, kWarps)}, {kThreads},
                   shared, j);
}

}  // namespace tokenfab::kernels::cuda
