#include "kernels/cuda/check.h"
#include "kernels/cuda/draw.cuh"
#include "kernels/cuda/launchers.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

/// What is left to draw for a sequence: a token of row `slot`, from p or from what the draft leaves of it.
struct Pending {
  std::int32_t slot = 0;
  std::int32_t drafted = -1;                 // -1: from p
  float uniform = 0, most = 0, inverse = 0;  // p = weight(logit, most) * inverse
};

struct VerifyJob {
  LogitsJob logits;
  SummaryRows rows;
  const std::int32_t* drafts = nullptr;
  const float* q = nullptr;  // or null
  std::int64_t q_stride = 0;
  const float* uniform = nullptr;
  std::int32_t* tokens = nullptr;
  std::int32_t* accepted = nullptr;
  int max_draft = 0;
  Pending* pending = nullptr;      // [sequences]
  float* residual_sums = nullptr;  // [sequences][chunks]

  TF_DEV const float* row(int sequence, int i) const {
    return logits.row(static_cast<std::int64_t>(rows.row[sequence]) + i);
  }
};

/// p - q where positive, for a pending draw of a sequence.
struct Residual {
  const VerifyJob& j;
  const Pending& pending;
  const float* logits;
  const float* q;

  TF_DEV Residual(const VerifyJob& job, const Pending& p, int sequence) : j(job), pending(p) {
    const int i = p.slot % j.rows.per_sequence;
    logits = j.row(sequence, i);
    q = j.q && p.drafted >= 0 ? j.q + (static_cast<std::int64_t>(sequence) * j.max_draft + i) * j.q_stride : nullptr;
  }
  TF_DEV float p(int id) const { return j.logits.weight(logits[id], pending.most) * pending.inverse; }
  TF_DEV float at(int id) const {
    const float taken = q ? q[id] : id == pending.drafted ? 1.0f : 0.0f, left = p(id) - taken;
    return left > 0 ? left : 0.0f;
  }
};

/// A warp per sequence: how many drafts are kept, and the token after them where greedy.
TF_KERNEL TF_LAUNCH_BOUNDS(kWarp, 1) decide_kernel(VerifyJob j) {
  begin_dependent();
  const int s = static_cast<int>(blockIdx.x), count = j.rows.count[s], per = j.rows.per_sequence;
  const bool greedy = j.logits.factor <= 0, writes = threadIdx.x == 0;
  std::int32_t* tokens = j.tokens + static_cast<std::int64_t>(s) * per;
  for (int i = 0;; ++i) {
    const LogitSummary row = summarize_row(j.logits, static_cast<std::int64_t>(s) * per + i);
    const float inverse = row.sum > 0 ? 1.0f / row.sum : 0.0f;
    const float u = j.uniform ? j.uniform[static_cast<std::int64_t>(s) * per + i] : 0.0f;
    const bool after_last = i == count;
    const std::int64_t at = static_cast<std::int64_t>(s) * j.max_draft + i;
    const std::int32_t drafted = after_last ? -1 : j.drafts[at];
    float cut = 0;
    if (!after_last) {
      const float given = j.q ? j.q[at * j.q_stride + drafted] : 1.0f;
      const float likely =
          greedy ? (drafted == row.id ? 1.0f : 0.0f) : j.logits.weight(j.row(s, i)[drafted], row.most) * inverse;
      if (greedy ? drafted == row.id : u * given < likely) {
        if (writes) tokens[i] = drafted;
        continue;
      }
      cut = likely < given ? likely / given : 1.0f;
    }
    if (!writes) return;
    j.accepted[s] = i;
    if (greedy) tokens[i] = row.id;
    // Given that it was rejected, u is uniform on [cut, 1): stretched to [0, 1) it is a fresh draw.
    const float fresh = after_last ? u : cut < 1 ? (u - cut) / (1 - cut) : 0.0f;
    j.pending[s] = {s * per + i, drafted, fresh, row.most, inverse};
    return;
  }
}

TF_KERNEL TF_LAUNCH_BOUNDS(kDrawThreads, 4) residual_kernel(VerifyJob j) {
  begin_dependent();
  const int s = static_cast<int>(blockIdx.x), chunk = static_cast<int>(blockIdx.y);
  const Pending pending = j.pending[s];
  if (pending.drafted < 0) return;
  const Residual residual(j, pending, s);
  float sum = 0;
  TF_UNROLL
  for (int i = 0; i < kEach; ++i) {
    const int id = chunk * kChunk + kDrawThreads * i + static_cast<int>(threadIdx.x);
    if (id < j.logits.vocab) sum += residual.at(id);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) j.residual_sums[static_cast<std::int64_t>(s) * j.logits.chunks + chunk] = sum;
}

TF_KERNEL TF_LAUNCH_BOUNDS(kDrawThreads, 4) draw_kernel(VerifyJob j) {
  begin_dependent();
  TF_SHARED DrawMemory memory;
  const int s = static_cast<int>(blockIdx.x), vocab = j.logits.vocab, chunks = j.logits.chunks;
  const Pending pending = j.pending[s];
  const Residual residual(j, pending, s);
  int id = kNone;
  if (pending.drafted >= 0)
    id = draw(
        memory, vocab, chunks, pending.uniform,
        [&](int c) { return j.residual_sums[static_cast<std::int64_t>(s) * chunks + c]; },
        [&](int i) { return residual.at(i); });
  sync_threads();
  if (id == kNone)  // from p; also where the draft leaves nothing of it
    id = draw(
        memory, vocab, chunks, pending.uniform,
        [&](int c) {
          const LogitSummary& chunk = j.logits.chunk_summaries[static_cast<std::int64_t>(pending.slot) * chunks + c];
          return chunk.sum > 0 ? chunk.sum * j.logits.weight(chunk.most, pending.most) * pending.inverse : 0.0f;
        },
        [&](int i) { return residual.p(i); });
  if (threadIdx.x == 0) {
    const int per = j.rows.per_sequence;
    j.tokens[static_cast<std::int64_t>(s) * per + pending.slot % per] = id;
  }
}

VerifyJob job_of(const Context& c, const VerifyArgs& a) {
  const int per = a.max_draft + 1;
  const std::int64_t slots = static_cast<std::int64_t>(a.sequences) * per;
  VerifyJob j;
  j.logits = logits_job(c, a.logits, a.temperature, slots, "verify");
  j.rows.row = a.row, j.rows.count = a.count, j.rows.per_sequence = per;
  j.drafts = a.drafts;
  j.q = a.draft_probabilities.as<const float>(), j.q_stride = a.draft_probabilities.stride;
  j.uniform = a.uniform, j.tokens = a.tokens, j.accepted = a.accepted, j.max_draft = a.max_draft;
  j.pending = reinterpret_cast<Pending*>(j.logits.chunk_summaries + slots * j.logits.chunks);
  j.residual_sums = reinterpret_cast<float*>(j.pending + a.sequences);
  const char* end = reinterpret_cast<const char*>(j.residual_sums + std::int64_t{a.sequences} * j.logits.chunks);
  require_that(end - static_cast<const char*>(c.workspace) <= static_cast<std::ptrdiff_t>(c.workspace_bytes), "verify",
               "too many rows for the workspace");
  return j;
}

}  // namespace
}  // namespace TF_BUILD

void verify(Context& c, const VerifyArgs& a) {
  if (a.sequences == 0) return;
  require_that(!a.draft_probabilities.data || a.draft_probabilities.type == DType::f32, "verify",
               "draft probabilities must be f32");
  const VerifyJob j = job_of(c, a);
  const auto sequences = static_cast<unsigned>(a.sequences), chunks = static_cast<unsigned>(j.logits.chunks);
  summarize_chunks(c, j.logits, j.rows, static_cast<std::int64_t>(a.sequences) * j.rows.per_sequence);
  launch_dependent(c, decide_kernel, {sequences}, {kWarp}, 0, j);
  if (a.temperature <= 0) return;
  launch_dependent(c, residual_kernel, {sequences, chunks}, {kDrawThreads}, 0, j);
  launch_dependent(c, draw_kernel, {sequences}, {kDrawThreads}, 0, j);
}

}  // namespace tokenfab::kernels::cuda
