#include "kernels/cuda/check.h"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/vector_io.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

// A part is what one block sorts: at most 256 assignments of consecutive tokens.
constexpr int kThreads = 256, kWarps = kThreads / kWarp, kMostExperts = 256, kPerLane = kMostExperts / kWarp;

struct RouteJob {
  const float* logits = nullptr;
  std::int64_t stride = 0;
  int tokens = 0, experts_count = 0, top_k = 0, part_tokens = 0, parts = 0;
  bool renormalize = true;
  float* weights = nullptr;
  std::int32_t* experts = nullptr;
  std::int32_t* order = nullptr;
  std::int32_t* position = nullptr;
  std::int32_t* offsets = nullptr;
  std::int32_t* counts = nullptr;  // [experts][parts]: assignments of the part, then of the parts before it
  std::int32_t* totals = nullptr;  // [experts]
};

/// A lane's experts are lane, lane + 32, ...
struct Logits {
  float v[kPerLane];
  unsigned left = 0;  // bit i: not yet chosen

  TF_DEV Logits(const float* row, int count, int lane) {
    TF_UNROLL
    for (int i = 0; i < kPerLane; ++i) {
      const bool present = lane + kWarp * i < count;
      v[i] = present ? row[lane + kWarp * i] : 0.0f;
      left |= static_cast<unsigned>(present) << i;
    }
  }
  /// The largest that is left, the lowest expert where equal; in every lane.
  TF_DEV int take(int lane, float& value) {
    int best = kMostExperts;
    float most = float_of(0xff800000u);
    TF_UNROLL
    for (int i = 0; i < kPerLane; ++i)
      if ((left >> i & 1) && (v[i] > most || best == kMostExperts)) most = v[i], best = lane + kWarp * i;
    TF_UNROLL
    for (int mask = 16; mask > 0; mask >>= 1) {
      const float other = shfl_xor(most, mask);
      const int expert = shfl_xor(best, mask);
      if (expert < kMostExperts && (best == kMostExperts || other > most || (other == most && expert < best)))
        most = other, best = expert;
    }
    if (best % kWarp == lane) left &= ~(1u << (best / kWarp));
    value = most;
    return best;
  }
  TF_DEV float sum_of_exp(float top) const {
    float sum = 0;
    TF_UNROLL
    for (int i = 0; i < kPerLane; ++i)
      if (left >> i & 1) sum += expf(v[i] - top);
    return warp_sum(sum);
  }
};

TF_DEV void route_token(const RouteJob& j, int token, int lane, std::int32_t* chosen) {
  Logits logits(j.logits + token * j.stride, j.experts_count, lane);
  const Logits all = logits;
  float top = 0, chosen_sum = 0, own = 0;
  for (int k = 0; k < j.top_k; ++k) {
    float value;
    const int expert = logits.take(lane, value);
    if (k == 0) top = value;
    const float e = expf(value - top);
    chosen_sum += e;
    if (lane == k) {
      own = e;
      chosen[k] = expert;
      j.experts[static_cast<std::int64_t>(token) * j.top_k + k] = expert;
    }
  }
  const float sum = j.renormalize ? chosen_sum : all.sum_of_exp(top);
  if (lane < j.top_k) j.weights[static_cast<std::int64_t>(token) * j.top_k + lane] = own / sum;
}

/// Sum of the values of the threads before this one. Needs kWarps ints.
TF_DEV int sum_before(int v, int* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  int sum = v;
  TF_UNROLL
  for (int d = 1; d < kWarp; d *= 2) {
    const int other = shfl(sum, lane - d);
    if (lane >= d) sum += other;
  }
  if (lane == kWarp - 1) scratch[warp] = sum;
  sync_threads();
  for (int w = 0; w < warp; ++w) sum += scratch[w];
  return sum - v;
}

struct PartMemory {
  std::int32_t chosen[kThreads];     // experts of the part's assignments
  std::int32_t first[kMostExperts];  // the expert's first row for this part
  std::int32_t scratch[kWarps];
};

/// Gives the part's assignments their rows, in order; `total` and `before`: of the thread's expert, in all parts and
/// those before this one.
TF_DEV void place_part(const RouteJob& j, PartMemory& m, int part, int total, int before) {
  const int t = static_cast<int>(threadIdx.x), offset = sum_before(t < j.experts_count ? total : 0, m.scratch);
  if (t < j.experts_count) {
    m.first[t] = offset + before;
    if (part == 0) {
      j.offsets[t] = offset;
      if (t == j.experts_count - 1) j.offsets[t + 1] = offset + total;
    }
  }
  sync_threads();
  const int first = part * j.part_tokens * j.top_k, left = j.tokens * j.top_k - first;
  const int count = left < j.part_tokens * j.top_k ? left : j.part_tokens * j.top_k;
  if (t >= count) return;
  const std::int32_t expert = m.chosen[t];
  int row = m.first[expert];
  for (int i = 0; i < t; ++i) row += m.chosen[i] == expert ? 1 : 0;
  j.order[row] = first + t;
  j.position[first + t] = row;
}

/// Chooses the experts of a part's tokens, and counts them; places them too where it is the only part.
TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 2) route_kernel(RouteJob j) {
  begin_dependent();
  TF_SHARED PartMemory m;
  TF_SHARED std::int32_t counts[kMostExperts];
  const int t = static_cast<int>(threadIdx.x), part = static_cast<int>(blockIdx.x);
  counts[t] = 0;
  sync_threads();
  for (int i = t / kWarp; i < j.part_tokens; i += kWarps) {
    const int token = part * j.part_tokens + i;
    if (token < j.tokens) route_token(j, token, t % kWarp, m.chosen + i * j.top_k);
  }
  sync_threads();
  if (t < j.part_tokens * j.top_k && part * j.part_tokens + t / j.top_k < j.tokens) atomic_add(&counts[m.chosen[t]], 1);
  sync_threads();
  if (j.parts == 1) return place_part(j, m, 0, counts[t], 0);
  if (t < j.experts_count) j.counts[static_cast<std::int64_t>(t) * j.parts + part] = counts[t];
}

/// A warp per expert: sums over the parts.
TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 2) count_kernel(RouteJob j) {
  begin_dependent();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int expert = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
  if (expert >= j.experts_count) return;
  std::int32_t* counts = j.counts + static_cast<std::int64_t>(expert) * j.parts;
  int before = 0;
  for (int base = 0; base < j.parts; base += kWarp) {
    const int own = base + lane < j.parts ? counts[base + lane] : 0;
    int sum = own;
    TF_UNROLL
    for (int d = 1; d < kWarp; d *= 2) {
      const int other = shfl(sum, lane - d);
      if (lane >= d) sum += other;
    }
    if (base + lane < j.parts) counts[base + lane] = before + sum - own;
    before += shfl(sum, kWarp - 1);
  }
  if (lane == 0) j.totals[expert] = before;
}

TF_KERNEL TF_LAUNCH_BOUNDS(kThreads, 2) place_kernel(RouteJob j) {
  begin_dependent();
  TF_SHARED PartMemory m;
  const int t = static_cast<int>(threadIdx.x), part = static_cast<int>(blockIdx.x);
  const std::int64_t at = static_cast<std::int64_t>(part) * j.part_tokens * j.top_k + t;
  if (t < j.part_tokens * j.top_k && at < static_cast<std::int64_t>(j.tokens) * j.top_k) m.chosen[t] = j.experts[at];
  const bool present = t < j.experts_count;
  place_part(j, m, part, present ? j.totals[t] : 0,
             present ? j.counts[static_cast<std::int64_t>(t) * j.parts + part] : 0);
}

}  // namespace
}  // namespace TF_BUILD

void moe_route(Context& c, const MoeRouteArgs& a) {
  require_type(a.logits, DType::f32, "moe_route", "logits");
  require_that(a.logits.cols <= kMostExperts && a.top_k >= 1 && a.top_k <= 16 && a.top_k <= a.logits.cols, "moe_route",
               "at most 256 experts, of which at most 16 are chosen");
  if (a.logits.rows == 0) return;
  RouteJob j;
  j.logits = a.logits.as<const float>(), j.stride = a.logits.stride;
  j.tokens = static_cast<int>(a.logits.rows), j.experts_count = static_cast<int>(a.logits.cols), j.top_k = a.top_k;
  j.part_tokens = kThreads / a.top_k;
  j.parts = static_cast<int>(blocks_for(j.tokens, j.part_tokens));
  j.renormalize = a.renormalize;
  j.weights = a.weights, j.experts = a.experts;
  j.order = a.order, j.position = a.position, j.offsets = a.offsets;
  j.totals = static_cast<std::int32_t*>(c.workspace);
  j.counts = j.totals + kMostExperts;
  const auto parts = static_cast<unsigned>(j.parts);
  require_that(
      parts == 1 || (kMostExperts + static_cast<std::size_t>(j.experts_count) * parts) * 4 <= c.workspace_bytes,
      "moe_route", "too many tokens for the workspace");
  launch_dependent(c, route_kernel, {parts}, {kThreads}, 0, j);
  if (parts == 1) return;
  launch_dependent(c, count_kernel, {blocks_for(j.experts_count, kWarps)}, {kThreads}, 0, j);
  launch_dependent(c, place_kernel, {parts}, {kThreads}, 0, j);
}

}  // namespace tokenfab::kernels::cuda
