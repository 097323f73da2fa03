#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/cases/op_case.h"

namespace tokenfab::kernels {
namespace {

/// Keys or values of one layer as stored, with what each number stands for.
struct StoredCache {
  std::vector<std::uint8_t> data;
  std::vector<float> scales, values;
};

StoredCache random_cache(const char* tensor, DType type, std::int64_t rows, std::int64_t dim) {
  StoredCache c;
  c.values = random_values(tensor, rows * dim);
  c.data.resize(static_cast<std::size_t>(rows * dim * bits_per_value(type) / 8));
  const bool scaled = type == DType::e4m3 || type == DType::i8;
  if (scaled) c.scales.resize(static_cast<std::size_t>(rows));
  for (std::int64_t r = 0; r < rows; ++r) {
    float* x = c.values.data() + r * dim;
    float top = 0;
    for (std::int64_t i = 0; i < dim; ++i) top = std::max(top, std::fabs(x[i]));
    const float scale = scaled ? top / (type == DType::i8 ? 127.0f : 448.0f) : 1.0f;
    if (scaled) c.scales[static_cast<std::size_t>(r)] = scale;
    for (std::int64_t i = 0; i < dim; ++i) {
      const auto at = static_cast<std::size_t>(r * dim + i);
      switch (type) {
        case DType::f32:
          reinterpret_cast<float*>(c.data.data())[at] = x[i];
          break;
        case DType::bf16:
          reinterpret_cast<bf16*>(c.data.data())[at] = bf16(x[i]);
          break;
        case DType::i8: {
          const std::int8_t q = to_int8(x[i] / scale);
          c.data[at] = static_cast<std::uint8_t>(q);
          x[i] = q * scale;
          break;
        }
        default: {
          const e4m3 q(x[i] / scale);
          c.data[at] = q.bits;
          x[i] = static_cast<float>(q) * scale;
        }
      }
    }
  }
  return c;
}

class AttentionCase final : public OpCase {
 public:
  AttentionCase(DType act, const AttentionShape& s) : act_(act), s_(s) {
    family = s.query == 1 ? "decode_attention" : "prefill_attention";
    name = family + " " + kernels::name(s.kv) + " b" + std::to_string(s.sequences) + " q" + std::to_string(s.query) +
           " c" + std::to_string(s.context) + " h" + std::to_string(s.q_heads) + "/" + std::to_string(s.kv_heads) +
           " d" + std::to_string(s.head_dim) + " page" + std::to_string(s.page_tokens) + (s.ragged ? " ragged" : "") +
           (s.permuted ? " permuted" : "");
    double pairs = 0;
    for (std::int32_t i = 0; i < s.sequences; ++i) {
      const double length = length_of(i), query = s.query;
      pairs += query * (length - query) + query * (query + 1) / 2;
      tokens_ += length_of(i);
      pages_ += (length_of(i) + s.page_tokens - 1) / s.page_tokens;
    }
    const double row =
        static_cast<double>(s.head_dim * bits_per_value(s.kv)) / 8 + (s.kv == DType::e4m3 || s.kv == DType::i8 ? 4 : 0);
    bytes = 2.0 * static_cast<double>(tokens_ * s.kv_heads) * row +
            2.0 * s.sequences * s.query * s.q_heads * s.head_dim * static_cast<double>(bits_per_value(act)) / 8;
    streamed = bytes;
    flop = 4.0 * pairs * s.q_heads * s.head_dim;
  }

  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    const std::int64_t rows = pages_ * s_.page_tokens * s_.kv_heads;
    keys_ = random_cache("keys", s_.kv, rows, s_.head_dim);
    values_ = random_cache("values", s_.kv, rows, s_.head_dim);
    caches_.clear();
    for (int c = 0; c < copies; ++c) {
      KvCache kv;
      kv.keys = memory.upload(keys_.data), kv.values = memory.upload(values_.data);
      if (!keys_.scales.empty())
        kv.key_scales = memory.upload(keys_.scales), kv.value_scales = memory.upload(values_.scales);
      kv.type = s_.kv, kv.page_tokens = s_.page_tokens, kv.kv_heads = s_.kv_heads;
      kv.head_dim = kv.value_dim = s_.head_dim;
      caches_.push_back(kv);
    }
    make_tables();
    const std::int64_t queries = static_cast<std::int64_t>(s_.sequences) * s_.query,
                       width = static_cast<std::int64_t>(s_.q_heads) * s_.head_dim;
    q_host_ = random_values("q", queries * width);
    args_.q = memory.input(act_, q_host_, queries, width);
    args_.out = memory.output(act_, queries, width);
    args_.query_start = memory.upload(start_), args_.kv_length = memory.upload(length_),
    args_.page_table = memory.upload(table_);
    args_.sequences = s_.sequences, args_.max_pages = max_pages_, args_.max_query = s_.query, args_.max_kv = s_.context;
    args_.q_heads = s_.q_heads;
    args_.scale = 1.0f / std::sqrt(static_cast<float>(s_.head_dim));
  }
  void run(Backend& backend, int copy) override {
    args_.kv = caches_[static_cast<std::size_t>(copy)];
    backend.attention(args_);
  }
  Tensor output() const override { return args_.out; }

  /// Scores carry f32 rounding; a bf16 kernel may round probabilities to bf16 before the second product (2^-9 of each
  /// term, both in the sum and its normaliser) and rounds the output.
  double check(Backend& backend, std::int64_t samples) override {
    const std::vector<float> got = read_back(backend, args_.out);
    const std::int64_t heads = static_cast<std::int64_t>(s_.sequences) * s_.query * s_.q_heads;
    const std::int64_t step =
        std::max<std::int64_t>(1, heads * s_.head_dim / std::max<std::int64_t>(samples, s_.head_dim)) | 1;
    Worst worst;
    for (std::int64_t h = 0; h < heads; h += step) check_head(h, got, worst);
    return worst.ratio;
  }

 private:
  std::int32_t length_of(std::int32_t sequence) const {
    if (!s_.ragged) return s_.context;
    const std::int32_t least = std::max(s_.query, s_.context / 4);
    return s_.context - sequence * 37 % std::max(1, s_.context - least + 1);
  }

  void make_tables() {
    std::vector<std::int32_t> order(static_cast<std::size_t>(pages_));
    std::iota(order.begin(), order.end(), 0);
    if (s_.permuted)
      for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[bits_of(random_weight(5, i, 1.0f)) % i]);
    max_pages_ = (s_.context + s_.page_tokens - 1) / s_.page_tokens;
    table_.assign(static_cast<std::size_t>(s_.sequences) * static_cast<std::size_t>(max_pages_), 0);
    start_.assign(1, 0);
    length_.clear();
    std::size_t next = 0;
    for (std::int32_t i = 0; i < s_.sequences; ++i) {
      length_.push_back(length_of(i));
      start_.push_back(start_.back() + s_.query);
      for (std::int32_t p = 0; p * s_.page_tokens < length_of(i); ++p)
        table_[static_cast<std::size_t>(i * max_pages_ + p)] = order[next++];
    }
  }

  void check_head(std::int64_t index, const std::vector<float>& got, Worst& worst) const {
    const std::int64_t row = index / s_.q_heads, head = index % s_.q_heads, sequence = row / s_.query,
                       query = row % s_.query;
    const std::int64_t visible = length_[static_cast<std::size_t>(sequence)] - s_.query + query + 1,
                       kv_head = head / (s_.q_heads / s_.kv_heads);
    const std::int64_t dim = s_.head_dim;
    const float* q = q_host_.data() + (row * s_.q_heads + head) * dim;
    const auto cached = [&](std::int64_t t) {
      const std::int64_t page = table_[static_cast<std::size_t>(sequence * max_pages_ + t / s_.page_tokens)];
      return ((page * s_.kv_heads + kv_head) * s_.page_tokens + t % s_.page_tokens) * dim;
    };
    std::vector<double> p(static_cast<std::size_t>(visible));
    double top = -INFINITY, total = 0;
    for (std::int64_t t = 0; t < visible; ++t) {
      double score = 0;
      for (std::int64_t i = 0; i < dim; ++i)
        score += static_cast<double>(q[i]) * keys_.values[static_cast<std::size_t>(cached(t) + i)];
      p[static_cast<std::size_t>(t)] = score * args_.scale;
      top = std::max(top, score * args_.scale);
    }
    for (double& s : p) total += s = std::exp(s - top);
    const double each = act_ == DType::bf16 ? 0x1p-7 : 2e-5;
    for (std::int64_t i = 0; i < dim; ++i) {
      double want = 0, size = 0;
      for (std::int64_t t = 0; t < visible; ++t) {
        const double term =
            p[static_cast<std::size_t>(t)] / total * values_.values[static_cast<std::size_t>(cached(t) + i)];
        want += term, size += std::fabs(term);
      }
      worst.see(got[static_cast<std::size_t>((row * s_.q_heads + head) * dim + i)], want, each * size + 1e-30);
    }
  }

  DType act_;
  AttentionShape s_;
  std::int64_t tokens_ = 0, pages_ = 0;
  std::int32_t max_pages_ = 0;
  StoredCache keys_, values_;
  std::vector<KvCache> caches_;
  std::vector<std::int32_t> table_, start_, length_;
  std::vector<float> q_host_;
  AttentionArgs args_;
};

}  // namespace

std::unique_ptr<OpCase> attention_case(DType act, const AttentionShape& shape) {
  return std::make_unique<AttentionCase>(act, shape);
}

}  // namespace tokenfab::kernels
