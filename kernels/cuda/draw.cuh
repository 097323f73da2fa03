#pragma once
#include "kernels/cuda/vector_io.cuh"
#include "kernels/tensor.h"

/// Softmax and sampling over a vocabulary, cut into chunks that one block reads at a time. Every sum has a fixed order.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

inline constexpr int kDrawThreads = 256, kEach = 16, kChunk = kDrawThreads * kEach, kMostChunks = 1024;
inline constexpr int kNone = 0x7fffffff;

/// Of one chunk or a whole row: the largest logit, its lowest id, and the sum of exp((logit - most) / temperature).
struct LogitSummary {
  float most, sum;
  std::int32_t id;
};
TF_DEV LogitSummary no_summary() { return {float_of(0xff800000u), 0.0f, kNone}; }

struct LogitsJob {
  const float* logits = nullptr;
  std::int64_t stride = 0;
  int vocab = 0, chunks = 0;
  float factor = 0;                         // log2(e) / temperature; 0: greedy
  LogitSummary* chunk_summaries = nullptr;  // [rows][chunks]

  TF_DEV const float* row(std::int64_t r) const { return logits + r * stride; }
  TF_DEV float weight(float logit, float most) const { return exp2_fast((logit - most) * factor); }
};

TF_DEV int warp_least(int v) {
  TF_UNROLL
  for (int mask = 16; mask > 0; mask >>= 1) {
    const int other = shfl_xor(v, mask);
    v = other < v ? other : v;
  }
  return v;
}
/// The least over the block, in every thread. `scratch`: 8 ints that nothing else uses until the next barrier.
TF_DEV int block_least(int v, int* scratch) {
  v = warp_least(v);
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = v;
  sync_threads();
  for (int w = 0; w < kDrawThreads / kWarp; ++w) v = scratch[w] < v ? scratch[w] : v;
  return v;
}

/// Lanes' summaries of different parts (each lane's ids ascending over the lanes or not) made one, in every lane.
TF_DEV LogitSummary merge_lanes(const LogitsJob& j, LogitSummary own) {
  LogitSummary all = no_summary();
  all.most = warp_max(own.most);
  all.sum = warp_sum(own.sum > 0 ? own.sum * j.weight(own.most, all.most) : 0.0f);
  all.id = warp_least(own.most == all.most ? own.id : kNone);
  return all;
}

/// By a block, valid in the first warp: one chunk of a row.
TF_DEV LogitSummary summarize_chunk(const LogitsJob& j, const float* row, int chunk) {
  TF_SHARED LogitSummary warps[kDrawThreads / kWarp];
  const int t = static_cast<int>(threadIdx.x), first = chunk * kChunk + t;
  float v[kEach];
  LogitSummary own = no_summary();
  TF_UNROLL
  for (int i = 0; i < kEach; ++i) {
    const int id = first + kDrawThreads * i;
    v[i] = id < j.vocab ? row[id] : float_of(0xff800000u);
  }
  TF_UNROLL
  for (int i = 0; i < kEach; ++i)
    if (v[i] > own.most || (own.id == kNone && first + kDrawThreads * i < j.vocab))
      own.most = v[i], own.id = first + kDrawThreads * i;
  if (j.factor > 0 && own.most > float_of(0xff800000u)) {
    TF_UNROLL
    for (int i = 0; i < kEach; ++i) own.sum += j.weight(v[i], own.most);
  }
  own = merge_lanes(j, own);
  if (t % kWarp == 0) warps[t / kWarp] = own;
  sync_threads();
  return t < kWarp ? merge_lanes(j, t < kDrawThreads / kWarp ? warps[t] : no_summary()) : no_summary();
}

/// By a full warp: a row, from its chunks.
TF_DEV LogitSummary summarize_row(const LogitsJob& j, std::int64_t r) {
  LogitSummary own = no_summary();
  const LogitSummary* chunks = j.chunk_summaries + r * j.chunks;
  for (int c = static_cast<int>(threadIdx.x) % kWarp; c < j.chunks; c += kWarp) {
    const LogitSummary other = chunks[c];
    const float most = other.most > own.most ? other.most : own.most;
    const float mine = own.sum > 0 ? own.sum * j.weight(own.most, most) : 0.0f;
    own.sum = mine + (other.sum > 0 ? other.sum * j.weight(other.most, most) : 0.0f);
    if (other.most > own.most || own.id == kNone) own.id = other.id;
    own.most = most;
  }
  return merge_lanes(j, own);
}

/// A block's memory while it draws.
struct DrawMemory {
  float sums[kMostChunks];
  float warp_sums[kDrawThreads / kWarp];
  int scratch[2][kDrawThreads / kWarp];
  int chunk;
  float target;
};

/// The first id whose weights up to its own exceed uniform * total; by a block, in every thread. `sum_of` (chunk) and
/// `weight_of` (id) agree up to rounding; where that lets none be found, the last of any weight is taken. Returns kNone
/// where the total is 0.
template <class SumOf, class WeightOf>
TF_DEV int draw(DrawMemory& m, int vocab, int chunks, float uniform, SumOf&& sum_of, WeightOf&& weight_of) {
  const int t = static_cast<int>(threadIdx.x), lane = t % kWarp, warp = t / kWarp;
  for (int c = t; c < chunks; c += kDrawThreads) m.sums[c] = sum_of(c);
  sync_threads();
  if (t == 0) {
    float total = 0, seen = 0;
    for (int c = 0; c < chunks; ++c) total += m.sums[c];
    m.chunk = kNone;
    for (int c = 0; c < chunks; ++c) {
      if (m.sums[c] <= 0) continue;
      m.chunk = c;
      m.target = uniform * total - seen;
      seen += m.sums[c];
      if (seen > uniform * total) break;
    }
  }
  sync_threads();
  if (m.chunk == kNone) return kNone;
  const int first = m.chunk * kChunk + t * kEach;
  float w[kEach], own = 0;
  TF_UNROLL
  for (int i = 0; i < kEach; ++i) {
    w[i] = first + i < vocab ? weight_of(first + i) : 0.0f;
    own += w[i];
  }
  float up_to = own;  // over the lanes up to this one
  TF_UNROLL
  for (int d = 1; d < kWarp; d *= 2) {
    const float other = shfl(up_to, lane - d);
    if (lane >= d) up_to += other;
  }
  if (lane == kWarp - 1) m.warp_sums[warp] = up_to;
  sync_threads();
  float seen = up_to - own;
  for (int k = 0; k < warp; ++k) seen += m.warp_sums[k];
  int found = kNone, last = -1;
  TF_UNROLL
  for (int i = 0; i < kEach; ++i) {
    seen += w[i];
    if (w[i] > 0) last = first + i;
    if (w[i] > 0 && found == kNone && seen > m.target) found = first + i;
  }
  found = block_least(found, m.scratch[0]);
  last = -block_least(-last, m.scratch[1]);
  return found != kNone ? found : last;
}

/// Queues the summaries of rows' chunks (see summarize_chunk); `slots` rows of chunk_summaries. Slot i of a job with
/// `row` is the (i % per_sequence)-th of its sequence's rows, of which count + 1 exist.
struct SummaryRows {
  const std::int32_t* row = nullptr;
  const std::int32_t* count = nullptr;
  int per_sequence = 1;
};
void summarize_chunks(Context&, const LogitsJob&, const SummaryRows&, std::int64_t slots);

/// Over a vocabulary of `logits` at `temperature`, with chunk summaries of `slots` rows at the workspace's start.
LogitsJob logits_job(const Context&, const Tensor& logits, float temperature, std::int64_t slots,
                     const char* operation);

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
