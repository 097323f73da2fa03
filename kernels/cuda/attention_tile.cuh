#pragma once
#include "kernels/cuda/attention_job.cuh"
#include "kernels/cuda/platform_extra.cuh"
#include "kernels/cuda/weight_format.cuh"

/// Matrix fragments of attention: S = Q K^T, softmax and O += P V for 16 MT rows by 16 NP tokens of a warp. K and V lie
/// in shared memory as cached, a token per row, swizzled; bytes become bf16 on the way to registers. There a lane gets
/// bytes 4t .. 4t + 3 of 16 of a key, where a bf16 fragment has columns 2t, 2t + 1, 2t + 8, 2t + 9: the queries are
/// stored with their columns in that order instead. Likewise see value_column().
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// Two bytes of a word, as bf16.
template <DType type, int low, int high>
TF_DEV std::uint32_t widen_bytes(std::uint32_t four) {
  if constexpr (type == DType::i8) return WeightI8::convert(permute_bytes(four, 0, 0x4040u | high << 8 | low));
  else return WeightE4m3::convert(permute_bytes(four, 0, 0x0404u | high << 12 | low << 4));
}

template <DType type, int D>
struct Tile {
  static constexpr bool bytes = type != DType::bf16;
  static constexpr int row_bytes = D * (bytes ? 1 : 2), chunks = row_bytes / 16;

  /// Eight rows at the same chunk lie in different banks. To go from chunk 0 to another is to xor 16 times its number;
  /// 16 rows further is as many bytes further.
  TF_DEV static int offset(int row, int chunk) {
    return row * row_bytes + (chunk ^ (row_bytes >= 128 ? row & 7 : row >> 1 & 3)) * 16;
  }
};

/// The queries' tile: 16-row panels of bf16.
template <int D>
struct QueryTile {
  TF_DEV static int offset(int row, int chunk) { return row * 2 * D + (chunk ^ (row & 7)) * 16; }
  TF_DEV static int lane_offset(int lane) { return offset(lane % 16, lane / 16); }
  /// Panel m, columns 16 step .. + 15.
  TF_DEV static void fragment(const char* tile, int m, int step, int at, std::uint32_t (&a)[4]) {
    load_matrix_x4(a, tile + 32 * D * m + (at ^ (32 * step)));
  }
};

/// Eight queries' values (a chunk) to their place in the tile.
template <DType type, int D>
TF_DEV void store_query_chunk(char* tile, int row, int chunk, Quad v) {
  if constexpr (type == DType::bf16) {
    store16(tile + QueryTile<D>::offset(row, chunk), v);
  } else {  // of 16 columns, 4t and 4t + 1 go to 2t and 2t + 1, the others to 8 above
    const std::uint32_t words[4] = {v.x, v.y, v.z, v.w};
    TF_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int place = (chunk % 2 * 4 + i) / 2;  // t
      char* to = tile + QueryTile<D>::offset(row, chunk / 2 * 2 + i % 2);
      *reinterpret_cast<std::uint32_t*>(to + 4 * place) = words[i];
    }
  }
}

/// s[m][n]: rows of panel m by tokens 8 n .. 8 n + 7. `query` (m, step, fragment) gives the queries.
template <DType type, int D, int MT, int NP, class Query>
TF_DEV void score_tile(float (&s)[MT][2 * NP][4], const char* keys, int lane, Query&& query) {
  using K = Tile<type, D>;
  constexpr bool kWide = K::bytes && NP % 2 == 0;
  // What one load brings: four matrices of 8 tokens by 16 bytes, that is 16 (wide: 32) tokens, two steps or one.
  constexpr int kTokens = kWide ? 32 : 16, kSteps = K::bytes && !kWide ? 2 : 1, kStepBytes = K::bytes ? 16 : 32;
  const int matrix = lane / 8, eight = kWide ? matrix : K::bytes ? matrix % 2 : matrix / 2;
  const int lane_offset = opaque(K::offset(eight * 8 + lane % 8, kWide ? 0 : K::bytes ? matrix / 2 : matrix % 2));
  TF_UNROLL
  for (int i = 0; i < MT * NP * 8; ++i) s[i / (NP * 8)][i / 4 % (2 * NP)][i % 4] = 0;
  TF_UNROLL
  for (int step = 0; step < D / 16; step += kSteps) {
    std::uint32_t q[kSteps][MT][4];
    TF_UNROLL
    for (int i = 0; i < kSteps * MT; ++i) query(i % MT, step + i / MT, q[i / MT][i % MT]);
    TF_UNROLL
    for (int p = 0; p < 16 * NP / kTokens; ++p) {
      std::uint32_t k[4];
      load_matrix_x4(k, keys + kTokens * p * K::row_bytes + (lane_offset ^ (kStepBytes * step)));
      TF_UNROLL
      for (int i = 0; i < (K::bytes ? 4 : 2); ++i) {
        std::uint32_t b[2];
        if constexpr (K::bytes) b[0] = widen_bytes<type, 0, 1>(k[i]), b[1] = widen_bytes<type, 2, 3>(k[i]);
        else b[0] = k[2 * i], b[1] = k[2 * i + 1];
        const int n = kWide ? 4 * p + i : 2 * p + i % 2;
        TF_UNROLL
        for (int m = 0; m < MT; ++m) mma_bf16(s[m][n], q[kSteps == 2 ? i / 2 : 0][m], b);
      }
    }
  }
}

/// Running softmax of a lane's rows g and g + 8 of each panel: largest score so far (in powers of two), and this lane's
/// part of the sum relative to it.
template <int MT>
struct RunningSoftmax {
  float most[MT][2], sum[MT][2];
  TF_DEV void clear() {
    TF_UNROLL
    for (int i = 0; i < 2 * MT; ++i) most[i / 2][i % 2] = minus_infinity(), sum[i / 2][i % 2] = 0;
  }
  /// The sums over the lanes of a row; call once, at the end.
  TF_DEV void finish() {
    TF_UNROLL
    for (int i = 0; i < 2 * MT; ++i) {
      float& v = sum[i / 2][i % 2];
      v += shfl_xor(v, 1);
      v += shfl_xor(v, 2);
    }
  }
};

/// Scores become weights exp2(score * scale - most); what was summed before is brought to the new largest.
template <int MT, int NT, int DT>
TF_DEV void soften_tile(float (&s)[MT][NT][4], RunningSoftmax<MT>& running, float (&o)[MT][DT][4], float scale) {
  float factor[MT][2];
  bool changed = false;
  TF_UNROLL
  for (int m = 0; m < MT; ++m) TF_UNROLL
  for (int r = 0; r < 2; ++r) {
    float most = s[m][0][2 * r];
    TF_UNROLL
    for (int n = 0; n < NT; ++n) most = fmaxf(most, fmaxf(s[m][n][2 * r], s[m][n][2 * r + 1]));
    most = fmaxf(most, shfl_xor(most, 1));
    most = fmaxf(most, shfl_xor(most, 2));
    most = fmaxf(most * scale, running.most[m][r]);
    factor[m][r] = rebase(running.most[m][r], most);
    changed |= most != running.most[m][r];
    running.most[m][r] = most;
    const float base = most == minus_infinity() ? 0.0f : -most;
    float sum = 0;
    TF_UNROLL
    for (int n = 0; n < NT; ++n) TF_UNROLL
    for (int e = 2 * r; e < 2 * r + 2; ++e) {
      s[m][n][e] = exp2_fast(fmaf(s[m][n][e], scale, base));
      sum += s[m][n][e];
    }
    running.sum[m][r] = fmaf(running.sum[m][r], factor[m][r], sum);
  }
  if (ballot(changed) == 0) return;  // all factors are 1, or nothing has been summed
  TF_UNROLL
  for (int m = 0; m < MT; ++m) TF_UNROLL
  for (int n = 0; n < DT; ++n) TF_UNROLL
  for (int e = 0; e < 4; ++e) o[m][n][e] *= factor[m][e / 2];
}

/// o += P V, where P = s.
template <DType type, int D, int MT, int NP>
TF_DEV void weigh_tile(float (&o)[MT][D / 8][4], const float (&s)[MT][2 * NP][4], const char* values, int lane) {
  using V = Tile<type, D>;
  const int lane_offset = opaque(V::offset(lane / 8 % 2 * 8 + lane % 8, lane / 16));
  TF_UNROLL
  for (int p = 0; p < NP; ++p) {
    std::uint32_t a[MT][4];
    TF_UNROLL
    for (int m = 0; m < MT; ++m) TF_UNROLL
    for (int i = 0; i < 4; ++i) {
      const float(&c)[4] = s[m][2 * p + i / 2];
      a[m][i] = pack_bf16(c[i % 2 * 2], c[i % 2 * 2 + 1]);
    }
    TF_UNROLL
    for (int chunk = 0; chunk < V::chunks; chunk += 2) {
      std::uint32_t v[4];
      load_matrix_x4_trans(v, values + 16 * p * V::row_bytes + (lane_offset ^ (16 * chunk)));
      TF_UNROLL
      for (int i = 0; i < 2; ++i) {
        if constexpr (V::bytes) {
          const std::uint32_t even[2] = {widen_bytes<type, 0, 2>(v[2 * i]), widen_bytes<type, 0, 2>(v[2 * i + 1])};
          const std::uint32_t odd[2] = {widen_bytes<type, 1, 3>(v[2 * i]), widen_bytes<type, 1, 3>(v[2 * i + 1])};
          TF_UNROLL
          for (int m = 0; m < MT; ++m) {
            mma_bf16(o[m][2 * (chunk + i)], a[m], even);
            mma_bf16(o[m][2 * (chunk + i) + 1], a[m], odd);
          }
        } else {
          const std::uint32_t b[2] = {v[2 * i], v[2 * i + 1]};
          TF_UNROLL
          for (int m = 0; m < MT; ++m) mma_bf16(o[m][chunk + i], a[m], b);
        }
      }
    }
  }
}

/// The column of o[.][n][e] in lane 4 g + t.
template <DType type>
TF_DEV int value_column(int n, int e, int t) {
  return type == DType::bf16 ? 8 * n + 2 * t + e % 2 : n / 2 * 16 + 4 * t + e % 2 * 2 + n % 2;
}

/// Hides what the rows (first_row the first of the tile's) do not see of tokens first .. first + 8 NT.
template <int MT, int NT>
TF_DEV void mask_tile(float (&s)[MT][NT][4], const AttentionJob& j, const Sequence& sequence, int first_row, int first,
                      int lane) {
  TF_UNROLL
  for (int m = 0; m < MT; ++m) TF_UNROLL
  for (int r = 0; r < 2; ++r) {
    const RowView view = view_of(j, sequence, first_row + 16 * m + 8 * r + lane / 4);
    TF_UNROLL
    for (int n = 0; n < NT; ++n) TF_UNROLL
    for (int e = 0; e < 2; ++e)
      if (!view.sees(first + 8 * n + lane % 4 * 2 + e, sequence.before())) s[m][n][2 * r + e] = minus_infinity();
  }
}

/// Multiplies column n by scales[n] (shared memory).
template <int MT, int NT>
TF_DEV void scale_tile(float (&s)[MT][NT][4], const float* scales, int lane) {
  TF_UNROLL
  for (int n = 0; n < NT; ++n) {
    const float even = scales[8 * n + lane % 4 * 2], odd = scales[8 * n + lane % 4 * 2 + 1];
    TF_UNROLL
    for (int m = 0; m < MT; ++m) {
      s[m][n][0] *= even, s[m][n][1] *= odd;
      s[m][n][2] *= even, s[m][n][3] *= odd;
    }
  }
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
