#include <stdexcept>
#include <vector>

#include "kernels/cpu/cpu_backend.h"

namespace tokenfab::kernels::cpu {
namespace {

struct Scratch {
  std::vector<float> scores;
  std::vector<std::int32_t> rows;
};

struct Query {
  std::int32_t sequence, row, index, count;  // the index-th of `count` queries of its sequence
};

std::vector<Query> queries_of(const AttentionArgs& args) {
  std::vector<Query> all;
  for (std::int32_t s = 0; s < args.sequences; ++s) {
    const std::int32_t from = args.query_start[s], count = args.query_start[s + 1] - from;
    for (std::int32_t i = 0; i < count; ++i) all.push_back({s, from + i, i, count});
  }
  return all;
}

AttendJob job_of(const AttentionArgs& args, const Query& query, std::int32_t kv_head, Scratch& scratch) {
  const KvCache& kv = args.kv;
  AttendJob job{};
  job.group = args.q_heads / kv.kv_heads;
  job.head_dim = kv.head_dim;
  job.value_dim = kv.value_dim;
  job.scale = args.scale;
  job.keys = kv.keys;
  job.values = kv.values;
  job.key_scales = kv.key_scales;
  job.value_scales = kv.value_scales;
  job.type = stored(kv.type);
  job.pages = args.page_table + static_cast<std::int64_t>(query.sequence) * args.max_pages;
  job.page_tokens = kv.page_tokens;
  job.kv_heads = kv.kv_heads;
  job.kv_head = kv_head;
  const std::int64_t cached = args.kv_length[query.sequence], before = cached - query.count;
  job.length = before + query.index + 1;
  job.tree_from = job.length;
  if (args.tree_mask) {
    job.length = job.tree_from = before;
    for (int i = 0; i < query.count; ++i)
      if ((args.tree_mask[query.row] >> i) & 1) job.tree[job.length++ - before] = static_cast<std::uint8_t>(i);
  }
  const std::int64_t first_head = static_cast<std::int64_t>(kv_head) * job.group;
  job.q = args.q.as<const float>() + query.row * args.q.stride + first_head * kv.head_dim;
  job.out = args.out.as<float>() + query.row * args.out.stride + first_head * kv.value_dim;
  const std::size_t need = static_cast<std::size_t>(job.group * ((job.length + 15) / 16 * 16));
  if (scratch.scores.size() < need) scratch.scores.resize(need);
  if (scratch.rows.size() < need) scratch.rows.resize(need);
  job.scores = scratch.scores.data();
  job.rows = scratch.rows.data();
  return job;
}

}  // namespace

void CpuBackend::attention(const AttentionArgs& args) {
  if (args.q_heads / args.kv.kv_heads > 256)
    throw std::invalid_argument("attention: at most 256 query heads per KV head");
  const std::vector<Query> queries = queries_of(args);
  const std::int64_t tasks = static_cast<std::int64_t>(queries.size()) * args.kv.kv_heads;
  const double work = static_cast<double>(tasks) * args.max_kv * args.kv.head_dim * args.q_heads / args.kv.kv_heads;
  parallel(tasks, 1, work, [&](std::int64_t first, std::int64_t last, int) {
    thread_local Scratch scratch;
    for (std::int64_t task = first; task < last; ++task) {
      const Query& query = queries[static_cast<std::size_t>(task / args.kv.kv_heads)];
      micro().attend(job_of(args, query, static_cast<std::int32_t>(task % args.kv.kv_heads), scratch));
    }
  });
}

void CpuBackend::copy_kv(const CopyKvArgs& args) {
  const KvCache& kv = args.kv;
  const std::int64_t value = bits_per_value(kv.type) / 8;
  const auto copy_rows = [&](void* base, std::int64_t row_bytes) {
    if (!base) return;
    for (std::int64_t i = 0; i < args.count; ++i)
      for (std::int32_t h = 0; h < kv.kv_heads; ++h) {
        const auto row = [&](std::int64_t slot) {
          const std::int64_t page = slot / kv.page_tokens, at = slot % kv.page_tokens;
          return static_cast<char*>(base) + ((page * kv.kv_heads + h) * kv.page_tokens + at) * row_bytes;
        };
        __builtin_memmove(row(args.to[i]), row(args.from[i]), static_cast<std::size_t>(row_bytes));
      }
  };
  copy_rows(kv.keys, kv.head_dim * value);
  copy_rows(kv.values, kv.value_dim * value);
  copy_rows(kv.key_scales, 4);
  copy_rows(kv.value_scales, 4);
}

}  // namespace tokenfab::kernels::cpu
