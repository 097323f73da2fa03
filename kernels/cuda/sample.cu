#include "kernels/cuda/check.h"
#include "kernels/cuda/draw.cuh"
#include "kernels/cuda/launchers.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

TF_KERNEL TF_LAUNCH_BOUNDS(kDrawThreads, 4) summary_kernel(LogitsJob j, SummaryRows rows) {
  begin_dependent();
  const int slot = static_cast<int>(blockIdx.x), sequence = slot / rows.per_sequence, i = slot % rows.per_sequence;
  if (rows.row && i > rows.count[sequence]) return;
  const std::int64_t row = rows.row ? rows.row[sequence] + i : slot;
  const LogitSummary s = summarize_chunk(j, j.row(row), static_cast<int>(blockIdx.y));
  if (threadIdx.x == 0) j.chunk_summaries[static_cast<std::int64_t>(slot) * j.chunks + blockIdx.y] = s;
}

/// A block per row.
TF_KERNEL TF_LAUNCH_BOUNDS(kDrawThreads, 4) sample_kernel(LogitsJob j, const float* uniform, std::int32_t* ids) {
  begin_dependent();
  TF_SHARED DrawMemory memory;
  const std::int64_t r = blockIdx.x;
  const LogitSummary row = summarize_row(j, r);
  int id = row.id;
  if (j.factor > 0) {
    const float* logits = j.row(r);
    const int drawn = draw(
        memory, j.vocab, j.chunks, uniform ? uniform[r] : 0.0f,
        [&](int c) {
          const LogitSummary& chunk = j.chunk_summaries[r * j.chunks + c];
          return chunk.sum > 0 ? chunk.sum * j.weight(chunk.most, row.most) : 0.0f;
        },
        [&](int i) { return j.weight(logits[i], row.most); });
    if (drawn != kNone) id = drawn;
  }
  if (threadIdx.x == 0) ids[r] = id;
}

TF_KERNEL TF_LAUNCH_BOUNDS(kDrawThreads, 4) probability_kernel(LogitsJob j, float* out, std::int64_t stride) {
  begin_dependent();
  const std::int64_t r = blockIdx.x;
  const LogitSummary row = summarize_row(j, r);
  const int first = static_cast<int>(blockIdx.y) * kChunk + static_cast<int>(threadIdx.x);
  const float inverse = j.factor > 0 ? 1.0f / row.sum : 0.0f;
  TF_UNROLL
  for (int i = 0; i < kEach; ++i) {
    const int id = first + kDrawThreads * i;
    if (id >= j.vocab) continue;
    const float greedy = id == row.id ? 1.0f : 0.0f;
    out[r * stride + id] = j.factor > 0 ? j.weight(j.row(r)[id], row.most) * inverse : greedy;
  }
}

}  // namespace

LogitsJob logits_job(const Context& c, const Tensor& logits, float temperature, std::int64_t slots,
                     const char* operation) {
  require_type(logits, DType::f32, operation, "logits");
  require_that(logits.cols > 0 && logits.cols <= std::int64_t{kChunk} * kMostChunks, operation,
               "a vocabulary of at most 4194304");
  LogitsJob j;
  j.logits = logits.as<const float>(), j.stride = logits.stride;
  j.vocab = static_cast<int>(logits.cols);
  j.chunks = static_cast<int>(blocks_for(j.vocab, kChunk));
  j.factor = temperature > 0 ? 1.4426950408889634f / temperature : 0.0f;
  j.chunk_summaries = static_cast<LogitSummary*>(c.workspace);
  require_that(static_cast<std::size_t>(slots * j.chunks) * sizeof(LogitSummary) <= c.workspace_bytes, operation,
               "too many rows for the workspace");
  return j;
}

void summarize_chunks(Context& c, const LogitsJob& j, const SummaryRows& rows, std::int64_t slots) {
  launch_dependent(c, summary_kernel, {static_cast<unsigned>(slots), static_cast<unsigned>(j.chunks)}, {kDrawThreads},
                   0, j, rows);
}

}  // namespace TF_BUILD

void sample(Context& c, const SampleArgs& a) {
  if (a.logits.rows == 0) return;
  const LogitsJob j = logits_job(c, a.logits, a.temperature, a.logits.rows, "sample");
  const auto rows = static_cast<unsigned>(a.logits.rows);
  summarize_chunks(c, j, {}, a.logits.rows);
  launch_dependent(c, sample_kernel, {rows}, {kDrawThreads}, 0, j, a.uniform, a.ids);
  if (!a.probabilities.data) return;
  require_type(a.probabilities, DType::f32, "sample", "probabilities");
  launch_dependent(c, probability_kernel, {rows, static_cast<unsigned>(j.chunks)}, {kDrawThreads}, 0, j,
                   a.probabilities.as<float>(), a.probabilities.stride);
}

}  // namespace tokenfab::kernels::cuda
