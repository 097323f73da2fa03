#pragma once
#include "kernels/cuda/attention_job.cuh"

/// How decode attention is shared out among blocks. The batch is a list of items in the order of sequence, KV head,
/// tile of rows and run of tokens.
namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

enum class Split {
  shares,    // each block takes the same number of consecutive items; runs next to each other are one sum
  segments,  // each item is a sum of its own: an order that the token's position alone decides
  whole,     // the same sums, but one block takes all runs of a tile and adds them up
};

struct SplitPlan {
  Split split = Split::shares;
  int run_tokens = 64, tile_rows = 16;
  int blocks = 0;           // of the decode kernel
  float* sums = nullptr;    // [slots][tile_rows][value_dim], relative to:
  float* scales = nullptr;  // [slots][tile_rows][2]: largest score, sum of weights
};

TF_DEV int tiles_of(const AttentionJob& j, const SplitPlan& plan, const Sequence& s) {
  return (s.queries * j.group + plan.tile_rows - 1) / plan.tile_rows;
}
TF_DEV int runs_of(const SplitPlan& plan, const Sequence& s) {
  return plan.split == Split::whole ? 1 : (s.length + plan.run_tokens - 1) / plan.run_tokens;
}
TF_DEV int items_of(const AttentionJob& j, const SplitPlan& plan, const Sequence& s) {
  return j.kv_heads * tiles_of(j, plan, s) * runs_of(plan, s);
}
TF_DEV int items_at(const AttentionJob& j, const SplitPlan& plan, int s) {
  return s < j.sequences ? items_of(j, plan, sequence_at(j, s)) : 0;
}

TF_DEV int warp_count(int v) {
  TF_UNROLL
  for (int mask = 16; mask > 0; mask >>= 1) v += shfl_xor(v, mask);
  return v;
}

/// Items of the sequences ahead of `sequence`, and of all. By a full warp.
struct Items {
  int before, all;
};
TF_DEV Items count_items(const AttentionJob& j, const SplitPlan& plan, int sequence) {
  int before = 0, all = 0;
  for (int s = static_cast<int>(threadIdx.x) % kWarp; s < j.sequences; s += kWarp) {
    const int items = items_at(j, plan, s);
    all += items;
    if (s < sequence) before += items;
  }
  return {warp_count(before), warp_count(all)};
}
TF_DEV int share_of(const SplitPlan& plan, int all) { return (all + plan.blocks - 1) / plan.blocks; }

/// A place in the list: the sequence and the item's index within it.
struct Place {
  int sequence, item;
};
/// Where the index-th of all items is. By a full warp.
TF_DEV Place find_place(const AttentionJob& j, const SplitPlan& plan, int index) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int base = 0; base < j.sequences; base += kWarp) {
    const int items = items_at(j, plan, base + lane);
    int sum = items;  // over the lanes up to this one
    TF_UNROLL
    for (int d = 1; d < kWarp; d *= 2) {
      const int other = shfl(sum, lane - d);
      if (lane >= d) sum += other;
    }
    const int item = index - (sum - items);
    const unsigned found = ballot(item >= 0 && item < items);
    if (found) {
      int owner = 0;
      while (!(found >> owner & 1u)) ++owner;
      return {base + owner, shfl(item, owner)};
    }
    index -= shfl(sum, kWarp - 1);
  }
  return {j.sequences, 0};
}

/// A sum of weighted values with its scale. Adding one of no weight changes nothing, to the bit.
struct PartialSum {
  float most = minus_infinity(), weight = 0, v[4] = {0, 0, 0, 0};
  TF_DEV void add(float other_most, float other_weight, const float (&other)[4]) {
    const float to = fmaxf(most, other_most), mine = rebase(most, to), its = rebase(other_most, to);
    most = to;
    weight = fmaf(other_weight, its, weight * mine);
    TF_UNROLL
    for (int i = 0; i < 4; ++i) v[i] = fmaf(other[i], its, v[i] * mine);
  }
  /// The mean, as four bf16.
  TF_DEV void store(bf16* to) const {
    const float inverse = weight > 0 ? 1.0f / weight : 0.0f;
    auto* words = reinterpret_cast<std::uint32_t*>(to);
    words[0] = pack_bf16(v[0] * inverse, v[1] * inverse);
    words[1] = pack_bf16(v[2] * inverse, v[3] * inverse);
  }
};

TF_DEV void load4(const float* p, float (&v)[4]) {
  const Quad q = load16(p);
  v[0] = float_of(q.x), v[1] = float_of(q.y), v[2] = float_of(q.z), v[3] = float_of(q.w);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
