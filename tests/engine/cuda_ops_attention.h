#pragma once
// A ragged batch, its paged cache, attention to it on a backend and in double.
#include <algorithm>
#include <numeric>

#include "tests/engine/cuda_ops_fixture.h"

namespace tokenfab::kernels::test {

struct Batch {
  std::vector<int> queries, lengths;  // by sequence
  int q_heads = 8, kv_heads = 2, head_dim = 64, value_dim = 64;
  DType type = DType::bf16;
  bool latent = false;  // no values: they are the keys' first numbers
  bool tree = false;
  int shared = 0;  // tokens that all sequences have in common

  int rows() const { return std::accumulate(queries.begin(), queries.end(), 0); }
};

/// How the cache is laid out.
struct Layout {
  int page_tokens = 16;
  bool permuted = true, share = false;
  int max_kv = 0;  // 0: as it is
};

/// One cached row: its bytes, its scale, its values.
struct Row {
  std::vector<std::uint8_t> bytes;
  float scale = 1;
  std::vector<double> values;
};

inline Row make_row(int dim, DType type, Random& random) {
  Row row;
  row.scale = type == DType::bf16 ? 1.0f : 0.02f + std::abs(normal(random)) * 0.02f;
  for (int i = 0; i < dim; ++i) {
    const float v = normal(random);
    if (type == DType::bf16) {
      const bf16 stored(v);
      row.bytes.push_back(static_cast<std::uint8_t>(stored.bits));
      row.bytes.push_back(static_cast<std::uint8_t>(stored.bits >> 8));
      row.values.push_back(value(stored));
    } else if (type == DType::e4m3) {
      const e4m3 stored(30 * v);
      row.bytes.push_back(stored.bits);
      row.values.push_back(static_cast<double>(static_cast<float>(stored)) * row.scale);
    } else {
      const std::int8_t stored = to_int8(40 * v);
      row.bytes.push_back(static_cast<std::uint8_t>(stored));
      row.values.push_back(static_cast<double>(stored) * row.scale);
    }
  }
  return row;
}

struct Data {
  std::vector<std::vector<Row>> keys, values;  // [sequence][token * kv_heads + head]
  std::vector<bf16> q;
  std::vector<std::uint64_t> tree;
};

inline Data make_data(const Batch& b, Random& random) {
  Data d;
  for (std::size_t s = 0; s < b.lengths.size(); ++s) {
    d.keys.emplace_back();
    d.values.emplace_back();
    for (int i = 0; i < b.lengths[s] * b.kv_heads; ++i) {
      const bool common = s > 0 && i < b.shared * b.kv_heads;
      d.keys[s].push_back(common ? d.keys[0][index(i)] : make_row(b.head_dim, b.type, random));
      if (!b.latent) d.values[s].push_back(common ? d.values[0][index(i)] : make_row(b.value_dim, b.type, random));
    }
    for (int j = 0; j < b.queries[s]; ++j) {
      const std::uint64_t own = std::uint64_t{1} << (j % 64);  // no tree is larger
      d.tree.push_back(own | ((own - 1) & random()));
    }
  }
  d.q = normal_bf16(std::int64_t{b.rows()} * b.q_heads * b.head_dim, random);
  return d;
}

inline float scale_of(const Batch& b) { return 1.0f / std::sqrt(static_cast<float>(b.head_dim)); }

/// A cache in pages, and the tables.
struct Cache {
  std::vector<std::uint8_t> keys, values;
  std::vector<float> key_scales, value_scales;
  std::vector<std::int32_t> table;
  int max_pages = 0;
};

inline void put(const Row& row, std::size_t at, std::vector<std::uint8_t>& bytes, std::vector<float>& scales) {
  std::copy(row.bytes.begin(), row.bytes.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at * row.bytes.size()));
  scales[at] = row.scale;
}

inline Cache make_cache(const Batch& b, const Data& d, const Layout& layout) {
  Cache c;
  const int longest = *std::max_element(b.lengths.begin(), b.lengths.end());
  c.max_pages = (longest + layout.page_tokens - 1) / layout.page_tokens + 1;
  const int sequences = static_cast<int>(b.lengths.size()), pages = c.max_pages * sequences;
  std::vector<std::int32_t> free(index(pages));
  std::iota(free.begin(), free.end(), 0);
  Random random(77);
  if (layout.permuted) std::shuffle(free.begin(), free.end(), random);
  const std::size_t rows = index(std::int64_t{pages} * layout.page_tokens * b.kv_heads),
                    value = b.type == DType::bf16 ? 2 : 1;
  c.keys.assign(rows * index(b.head_dim) * value, 0xff);  // what is not cached must not be read
  c.values.assign(rows * index(b.value_dim) * value, 0xff);
  c.key_scales.assign(rows, NAN);
  c.value_scales.assign(rows, NAN);
  c.table.assign(index(pages), 0x7fffffff);
  for (int s = 0, next = 0; s < sequences; ++s)
    for (int t = 0; t < b.lengths[index(s)]; ++t) {
      std::int32_t& page = c.table[index(s * c.max_pages + t / layout.page_tokens)];
      const bool common = layout.share && s > 0 && t / layout.page_tokens < b.shared / layout.page_tokens;
      if (t % layout.page_tokens == 0) page = common ? c.table[index(t / layout.page_tokens)] : free[index(next++)];
      for (int h = 0; h < b.kv_heads; ++h) {
        const std::size_t at =
            index((std::int64_t{page} * b.kv_heads + h) * layout.page_tokens + t % layout.page_tokens);
        put(d.keys[index(s)][index(t * b.kv_heads + h)], at, c.keys, c.key_scales);
        if (!b.latent) put(d.values[index(s)][index(t * b.kv_heads + h)], at, c.values, c.value_scales);
      }
    }
  return c;
}

inline std::vector<bf16> attend(Backend& backend, const Batch& b, const Data& d, const Layout& layout) {
  const Cache c = make_cache(b, d, layout);
  const Device keys(backend, c.keys), values(backend, c.values);
  const Device key_scales(backend, c.key_scales), value_scales(backend, c.value_scales);
  const Device table(backend, c.table);
  const Device tree(backend, d.tree);
  std::vector<std::int32_t> start = {0}, length(b.lengths.begin(), b.lengths.end());
  for (const int n : b.queries) start.push_back(start.back() + n);
  const Device start_there(backend, start), length_there(backend, length);
  const std::int64_t rows = b.rows(), q_cols = b.q_heads * b.head_dim, out_cols = b.q_heads * b.value_dim;
  const Device q(backend, d.q);
  const Device<bf16> out(backend, index(rows * (out_cols + 8)));
  AttentionArgs a;
  a.q = matrix(q, rows, q_cols);
  a.out = matrix(out, rows, out_cols, out_cols + 8);
  const bool scaled = b.type != DType::bf16;
  a.kv = {keys.data(),
          b.latent ? nullptr : values.data(),
          scaled ? key_scales.data() : nullptr,
          scaled ? value_scales.data() : nullptr,
          b.type,
          layout.page_tokens,
          b.kv_heads,
          b.head_dim,
          b.value_dim};
  a.query_start = start_there.data(), a.kv_length = length_there.data(), a.page_table = table.data();
  if (b.tree) a.tree_mask = tree.data();
  a.sequences = static_cast<std::int32_t>(b.queries.size()), a.max_pages = c.max_pages;
  a.max_query = *std::max_element(b.queries.begin(), b.queries.end());
  a.max_kv = std::max(layout.max_kv, *std::max_element(b.lengths.begin(), b.lengths.end()));
  a.q_heads = b.q_heads, a.scale = scale_of(b);
  backend.attention(a);
  backend.synchronize();
  const std::vector<bf16> padded = out.get();
  std::vector<bf16> y;
  for (std::int64_t i = 0; i < rows; ++i)
    y.insert(y.end(), padded.begin() + i * (out_cols + 8), padded.begin() + i * (out_cols + 8) + out_cols);
  return y;
}

/// Outputs that are off by more than rounding explains: P and the result are rounded to bf16, each by up to kEps of
/// sum p |v|.
inline int wrong(const Batch& b, const Data& d, const std::vector<bf16>& y) {
  int bad = 0;
  std::size_t row = 0;
  for (std::size_t s = 0; s < b.queries.size(); ++s)
    for (int j = 0; j < b.queries[s]; ++j, ++row)
      for (int h = 0; h < b.q_heads; ++h) {
        const int kv_head = h / (b.q_heads / b.kv_heads), before = b.lengths[s] - b.queries[s];
        const bf16* q = d.q.data() + (row * index(b.q_heads) + index(h)) * index(b.head_dim);
        std::vector<double> p, sum(index(b.value_dim)), size(index(b.value_dim));
        double most = -1e300, total = 0;
        for (int t = 0; t < b.lengths[s]; ++t) {
          const bool seen = b.tree ? t < before || (d.tree[row] >> (t - before) & 1) : t <= before + j;
          double score = 0;
          const auto& key = d.keys[s][index(t * b.kv_heads + kv_head)].values;
          for (std::size_t i = 0; i < key.size(); ++i) score += key[i] * value(q[i]);
          p.push_back(seen ? score * scale_of(b) : -1e300);
          most = std::max(most, p.back());
        }
        for (double& x : p) total += x = std::exp(x - most);
        for (int t = 0; t < b.lengths[s]; ++t) {
          const auto& v = (b.latent ? d.keys : d.values)[s][index(t * b.kv_heads + kv_head)].values;
          for (std::size_t i = 0; i < sum.size(); ++i) {
            sum[i] += p[index(t)] / total * v[i];
            size[i] += p[index(t)] / total * std::abs(v[i]);
          }
        }
        for (std::size_t i = 0; i < sum.size(); ++i)
          bad +=
              !close(value(y[(row * index(b.q_heads) + index(h)) * sum.size() + i]), sum[i], 2 * kEps * size[i] + 1e-6);
      }
  return bad;
}

}  // namespace tokenfab::kernels::test
