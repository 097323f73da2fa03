#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/cases/host_cache.h"
#include "kernels/random_weights.h"
#include "kernels/reference/reference.h"

namespace tokenfab::kernels {
namespace {

class AttentionCase final : public PreparedCase {
 public:
  AttentionCase(DType act, const AttentionShape& s) : act_(act), s_(s), latent_(s.value_dim > 0) {
    shape_.type = s.kv, shape_.page_tokens = s.page_tokens, shape_.kv_heads = s.kv_heads;
    shape_.head_dim = s.head_dim, shape_.value_dim = latent_ ? s.value_dim : s.head_dim;
    set_name();
    make_tables();
    double pairs = 0, cached = 0;
    for (std::size_t i = 0; i < length_.size(); ++i) {
      const double length = length_[i], query = start_[i + 1] - start_[i];
      pairs += query * (length - query) + query * (query + 1) / 2;
      cached += length;
    }
    const double width = shape_.head_dim + shape_.value_dim;
    streamed = cached * s.kv_heads * row_bytes(shape_, !latent_);
    bytes = streamed + static_cast<double>(rows() * s.q_heads * bits_per_value(act)) / 8 * width;
    flop = 2.0 * pairs * s.q_heads * width;
  }

  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    cache_ = random_cache(shape_, pages_, !latent_);
    caches_.clear();
    for (int c = 0; c < copies; ++c) caches_.push_back(upload(memory, cache_));
    q_ = random_matrix("q", act_, rows(), static_cast<std::int64_t>(s_.q_heads) * s_.head_dim);
    args_.q = memory.upload(q_);
    args_.out = memory.output(act_, rows(), static_cast<std::int64_t>(s_.q_heads) * shape_.value_dim);
    args_.query_start = memory.upload(start_), args_.kv_length = memory.upload(length_),
    args_.page_table = memory.upload(table_);
    args_.tree_mask = s_.tree ? memory.upload(masks_) : nullptr;
    args_.sequences = s_.sequences, args_.max_pages = max_pages_, args_.max_query = s_.query, args_.max_kv = s_.context;
    args_.q_heads = s_.q_heads;
    args_.scale = 1.0f / std::sqrt(static_cast<float>(s_.head_dim));
  }
  void run(Backend& backend, int copy) override {
    args_.kv = caches_[static_cast<std::size_t>(copy)];
    backend.attention(args_);
  }
  std::vector<Tensor> outputs() const override { return {args_.out}; }

  /// A term is a probability times a value. Errors: a bf16 kernel rounds the probability to bf16 before the second
  /// product, an f32 one has its score's and exponential's error, some 2^-18; the f32 sum; the normaliser's and the
  /// output's rounding.
  double check(Backend& backend, std::int64_t samples) override {
    const HostMatrix out = download(backend, args_.out);
    AttentionArgs host = args_;
    host.q = q_.view, host.kv = cache_.view;
    host.query_start = start_.data(), host.kv_length = length_.data(), host.page_table = table_.data();
    host.tree_mask = s_.tree ? masks_.data() : nullptr;
    const double each = act_ == DType::bf16 ? rounding_deviation(DType::bf16) : 0x1p-18;
    Worst worst;
    for (const std::int64_t i : spread(rows() * s_.q_heads, std::max<std::int64_t>(16, samples / shape_.value_dim))) {
      const std::int64_t row = i / s_.q_heads;
      const auto head = static_cast<std::int32_t>(i % s_.q_heads);
      const auto sequence =
          static_cast<std::int32_t>(std::upper_bound(start_.begin(), start_.end(), row) - start_.begin() - 1);
      const auto query = static_cast<std::int32_t>(row) - start_[static_cast<std::size_t>(sequence)];
      const std::vector<reference::Sum> want = reference::attention(host, sequence, query, head);
      for (std::int32_t d = 0; d < shape_.value_dim; ++d) {
        const reference::Sum& sum = want[static_cast<std::size_t>(d)];
        const double deviation = std::hypot(each * std::sqrt(sum.squares), summing_deviation(s_.context, sum.squares));
        worst.see(reference::at(out.view, row, head * shape_.value_dim + d), sum.value,
                  kSpread * deviation + (unit(act_) + each) * std::fabs(sum.value) + 1e-30);
      }
    }
    return worst.ratio;
  }

 private:
  void set_name() {
    family = s_.query == 1 ? "decode_attention" : "prefill_attention";
    const auto number = [](std::int32_t v) { return std::to_string(v); };
    name = family + " " + kernels::name(s_.kv) + " b" + number(s_.sequences) + " q" + number(s_.query) + " c" +
           number(s_.context) + " h" + number(s_.q_heads) + "/" + number(s_.kv_heads) + " d" + number(s_.head_dim) +
           (latent_ ? "/" + number(s_.value_dim) : "") + " page" + number(s_.page_tokens) +
           (s_.ragged ? " ragged" : "") + (s_.tree ? " tree" : "") + (s_.permuted ? "" : " in order");
  }
  std::int64_t rows() const { return start_.back(); }

  void make_tables() {
    start_.assign(1, 0);
    for (std::int32_t i = 0; i < s_.sequences; ++i) {
      const std::int32_t query = s_.ragged ? s_.query - i * 5 % s_.query : s_.query;
      const std::int32_t least = std::max(query, s_.context / 4);
      length_.push_back(s_.ragged ? s_.context - i * 37 % (s_.context - least + 1) : s_.context);
      start_.push_back(start_.back() + query);
      pages_ += (length_.back() + s_.page_tokens - 1) / s_.page_tokens;
      add_masks(query);
    }
    std::vector<std::int32_t> order(static_cast<std::size_t>(pages_));
    std::iota(order.begin(), order.end(), 0);
    if (s_.permuted)
      for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[bits_of(random_weight(5, i, 1.0f)) % i]);
    max_pages_ = (s_.context + s_.page_tokens - 1) / s_.page_tokens;
    table_.assign(static_cast<std::size_t>(s_.sequences) * static_cast<std::size_t>(max_pages_), 0);
    std::size_t next = 0;
    for (std::size_t i = 0; i < length_.size(); ++i)
      for (std::int32_t p = 0; p * s_.page_tokens < length_[i]; ++p)
        table_[i * static_cast<std::size_t>(max_pages_) + static_cast<std::size_t>(p)] = order[next++];
  }
  /// Each token of a random tree sees its ancestors and itself.
  void add_masks(std::int32_t query) {
    const std::size_t first = masks_.size();
    for (std::int32_t j = 0; s_.tree && j < query; ++j) {
      const auto parent = static_cast<std::size_t>(uniform("tree", masks_.size()) * j);
      masks_.push_back((j > 0 ? masks_[first + parent] : 0) | std::uint64_t{1} << j);
    }
  }

  DType act_;
  AttentionShape s_;
  bool latent_;
  KvCache shape_;
  std::int64_t pages_ = 0;
  std::int32_t max_pages_ = 0;
  std::vector<std::int32_t> table_, start_, length_;
  std::vector<std::uint64_t> masks_;
  HostCache cache_;
  std::vector<KvCache> caches_;
  HostMatrix q_;
  AttentionArgs args_;
};

}  // namespace

std::unique_ptr<OpCase> attention_case(DType act, const AttentionShape& shape) {
  return std::make_unique<AttentionCase>(act, shape);
}

}  // namespace tokenfab::kernels
