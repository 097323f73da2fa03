#include <algorithm>
#include <cmath>

#include "kernels/reference/reference.h"

namespace tokenfab::kernels::reference {
namespace {

using Head = std::vector<double>;

Head read_head(const Tensor& t, std::int64_t token, std::int32_t head, std::int32_t dim) {
  Head h;
  for (std::int32_t i = 0; i < dim; ++i) h.push_back(at(t, token, static_cast<std::int64_t>(head) * dim + i));
  return h;
}

void norm(Head& h, const bf16* weight, double eps) {
  if (!weight) return;
  double squares = 0;
  for (const double x : h) squares += x * x;
  const double rms = std::sqrt(squares / static_cast<double>(h.size()) + eps);
  for (std::size_t i = 0; i < h.size(); ++i)
    h[i] = h[i] / rms * stored(DType::bf16, weight, static_cast<std::int64_t>(i));
}

void rotate(Head& h, const RopeAppendArgs& args, std::int32_t position) {
  const std::size_t first = h.size() - static_cast<std::size_t>(args.rope_dim),
                    half = static_cast<std::size_t>(args.rope_dim / 2);
  for (std::size_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * args.inverse_frequency[i];
    double& a = h[first + (args.interleaved ? 2 * i : i)];
    double& b = h[first + (args.interleaved ? 2 * i + 1 : i + half)];
    const double x = a, y = b;
    a = x * std::cos(angle) - y * std::sin(angle);
    b = x * std::sin(angle) + y * std::cos(angle);
  }
}

void append(std::vector<double>& to, const Head& h) { to.insert(to.end(), h.begin(), h.end()); }

double cached(const void* data, DType type, const float* scales, std::int64_t row, std::int64_t dim, std::int64_t i) {
  return stored(type, data, row * dim + i) * (scales ? static_cast<double>(scales[row]) : 1.0);
}

/// The tokens, counted from the sequence's start, that a query sees.
std::vector<std::int64_t> visible(const AttentionArgs& args, std::int32_t sequence, std::int32_t query) {
  const std::int32_t queries = args.query_start[sequence + 1] - args.query_start[sequence];
  const std::int64_t before = args.kv_length[sequence] - queries;
  std::vector<std::int64_t> tokens;
  for (std::int64_t t = 0; t < before; ++t) tokens.push_back(t);
  const std::uint64_t mask = args.tree_mask ? args.tree_mask[args.query_start[sequence] + query] : 0;
  for (std::int32_t i = 0; i < queries; ++i)
    if (args.tree_mask ? ((mask >> i) & 1) != 0 : i <= query) tokens.push_back(before + i);
  return tokens;
}

}  // namespace

RotatedRow rope(const RopeAppendArgs& args, std::int64_t token) {
  RotatedRow row;
  const std::int32_t dim = args.kv.head_dim, position = args.positions[token];
  for (std::int32_t h = 0; h < args.q_heads; ++h) {
    Head q = read_head(args.q, token, h, dim);
    norm(q, args.q_norm, args.eps);
    rotate(q, args, position);
    append(row.q, q);
  }
  for (std::int32_t h = 0; h < args.kv.kv_heads; ++h) {
    Head k = read_head(args.k, token, h, dim);
    norm(k, args.k_norm, args.eps);
    rotate(k, args, position);
    append(row.k, k);
  }
  return row;
}

std::int64_t cache_row(const KvCache& kv, std::int64_t slot, std::int32_t head) {
  return (slot / kv.page_tokens * kv.kv_heads + head) * kv.page_tokens + slot % kv.page_tokens;
}
double key_at(const KvCache& kv, std::int64_t row, std::int64_t i) {
  return cached(kv.keys, kv.type, kv.key_scales, row, kv.head_dim, i);
}
double value_at(const KvCache& kv, std::int64_t row, std::int64_t i) {
  return kv.values ? cached(kv.values, kv.type, kv.value_scales, row, kv.value_dim, i) : key_at(kv, row, i);
}

std::vector<Sum> attention(const AttentionArgs& args, std::int32_t sequence, std::int32_t query, std::int32_t head) {
  const KvCache& kv = args.kv;
  const std::int32_t kv_head = head / (args.q_heads / kv.kv_heads);
  const Head q = read_head(args.q, args.query_start[sequence] + query, head, kv.head_dim);
  std::vector<std::int64_t> rows;
  std::vector<double> p;
  for (const std::int64_t t : visible(args, sequence, query)) {
    const std::int64_t page =
        args.page_table[static_cast<std::int64_t>(sequence) * args.max_pages + t / kv.page_tokens];
    rows.push_back(cache_row(kv, page * kv.page_tokens + t % kv.page_tokens, kv_head));
    double score = 0;
    for (std::int32_t i = 0; i < kv.head_dim; ++i) score += q[static_cast<std::size_t>(i)] * key_at(kv, rows.back(), i);
    p.push_back(score * args.scale);
  }
  const double top = *std::max_element(p.begin(), p.end());
  double total = 0;
  for (double& x : p) total += x = std::exp(x - top);
  std::vector<Sum> out(static_cast<std::size_t>(kv.value_dim));
  for (std::size_t t = 0; t < rows.size(); ++t)
    for (std::int32_t i = 0; i < kv.value_dim; ++i)
      out[static_cast<std::size_t>(i)].add(p[t] / total * value_at(kv, rows[t], i));
  return out;
}

}  // namespace tokenfab::kernels::reference
