#include "kernels/cuda/attention_internal.cuh"
#include "kernels/cuda/vector_io.cuh"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

constexpr int kWarps = 4, kAtOnce = 4;

/// The partial sums of one tile, in the order of their tokens.
struct Parts {
  int count, first_item, share;
  bool shares;
  TF_DEV int slot(int i) const {
    if (!shares) return first_item + i;
    const int block = first_item / share + i;
    return 2 * block + (block * share >= first_item ? 0 : 1);
  }
};

TF_DEV Parts parts_of(const AttentionJob& j, const SplitPlan& plan, const Sequence& s, int head, int tile) {
  const Items items = count_items(j, plan, s.index);
  const int runs = runs_of(plan, s), first = items.before + (head * tiles_of(j, plan, s) + tile) * runs;
  const int share = share_of(plan, items.all);
  if (plan.split == Split::segments) return {runs, first, share, false};
  return {(first + runs - 1) / share - first / share + 1, first, share, true};
}

/// A warp per row; what was one part is already written.
TF_KERNEL TF_LAUNCH_BOUNDS(kWarps* kWarp, 4) combine_kernel(AttentionJob j, SplitPlan plan) {
  begin_dependent();
  const Sequence s = sequence_at(j, static_cast<int>(blockIdx.z));
  const int head = static_cast<int>(blockIdx.y);
  const int row = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
  const int column = static_cast<int>(threadIdx.x) % kWarp * 4;
  if (row >= s.queries * j.group) return;
  const Parts parts = parts_of(j, plan, s, head, row / plan.tile_rows);
  if (parts.count == 1 || column >= j.value_dim) return;
  PartialSum total;
  for (int first = 0; first < parts.count; first += kAtOnce) {
    PartialSum part[kAtOnce];
    TF_UNROLL
    for (int i = 0; i < kAtOnce; ++i) {
      if (first + i >= parts.count) continue;
      const std::int64_t at = static_cast<std::int64_t>(parts.slot(first + i)) * plan.tile_rows + row % plan.tile_rows;
      part[i].most = plan.scales[2 * at];
      part[i].weight = plan.scales[2 * at + 1];
      load4(plan.sums + at * j.value_dim + column, part[i].v);
    }
    TF_UNROLL
    for (int i = 0; i < kAtOnce; ++i) total.add(part[i].most, part[i].weight, part[i].v);
  }
  total.store(output_row(j, s, head, row) + column);
}

}  // namespace

void combine_decode(Context& c, const AttentionJob& j, const AttentionBounds& b, const SplitPlan& plan) {
  launch_dependent(c, combine_kernel,
                   {blocks_for(b.max_query * j.group, kWarps), static_cast<unsigned>(j.kv_heads),
                    static_cast<unsigned>(j.sequences)},
                   {kWarps * kWarp}, 0, j, plan);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
