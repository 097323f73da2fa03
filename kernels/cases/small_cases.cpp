#include <algorithm>
#include <cmath>

#include "kernels/cases/op_case.h"

namespace tokenfab::kernels {
namespace {

double act_bytes(DType act, std::int64_t count) { return static_cast<double>(count * bits_per_value(act)) / 8; }
std::string shape_text(std::int64_t rows, std::int64_t cols) {
  return std::to_string(rows) + "x" + std::to_string(cols);
}

class NormCase final : public OpCase {
 public:
  NormCase(DType act, std::int64_t rows, std::int64_t cols) : act_(act), rows_(rows), cols_(cols) {
    family = "rms_norm";
    name = "rms_norm+residual " + shape_text(rows, cols);
    bytes = 2 * act_bytes(act, rows * cols) + 2 * act_bytes(DType::f32, rows * cols);
    streamed = bytes;
    flop = 5.0 * static_cast<double>(rows * cols);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    x_host_ = random_values("x", rows_ * cols_);
    residual_host_ = random_values("residual", rows_ * cols_, 2.0f);
    const std::vector<float> weight = random_values("weight", cols_);
    weight_host_ = weight;
    weight_ = memory.input(DType::bf16, weight, 1, cols_);
    x_.clear(), residual_.clear(), out_.clear();
    for (int c = 0; c < copies; ++c) {
      x_.push_back(memory.input(act_, x_host_, rows_, cols_));
      residual_.push_back(memory.input(DType::f32, residual_host_, rows_, cols_));
      out_.push_back(memory.output(act_, rows_, cols_));
    }
  }
  void run(Backend& backend, int copy) override {
    const auto c = static_cast<std::size_t>(copy);
    backend.rms_norm({x_[c], residual_[c], weight_.as<const bf16>(), 1e-5f, out_[c]});
  }
  Tensor output() const override { return out_[0]; }
  /// Of the first run: the residual grows with every one. The mean square is a sum of positive terms: its error is
  /// below 2^-20 here; then one product and one rounding.
  double check(Backend& backend, std::int64_t samples) override {
    const std::vector<float> got = read_back(backend, out_[0]), after = read_back(backend, residual_[0]);
    const std::int64_t step = std::max<std::int64_t>(1, rows_ * cols_ / samples);
    Worst worst;
    for (std::int64_t r = 0; r < rows_; r += step) {
      double squares = 0;
      const auto sum = [&](std::int64_t i) {
        const auto at = static_cast<std::size_t>(r * cols_ + i);
        return static_cast<double>(residual_host_[at]) + x_host_[at];
      };
      for (std::int64_t i = 0; i < cols_; ++i) squares += sum(i) * sum(i);
      const double scale = 1 / std::sqrt(squares / static_cast<double>(cols_) + 1e-5);
      for (std::int64_t i = 0; i < cols_; ++i) {
        const auto at = static_cast<std::size_t>(r * cols_ + i);
        const double want = sum(i) * scale * weight_host_[static_cast<std::size_t>(i)];
        worst.see(got[at], want, (2 * rounding(act_) + 4e-6) * std::fabs(want) + 1e-6);
        worst.see(after[at], sum(i), 2 * rounding(DType::f32) * std::fabs(sum(i)) + 1e-30);
      }
    }
    return worst.ratio;
  }

 private:
  DType act_;
  std::int64_t rows_, cols_;
  std::vector<float> x_host_, residual_host_, weight_host_;
  Tensor weight_;
  std::vector<Tensor> x_, residual_, out_;
};

class SwigluCase final : public OpCase {
 public:
  SwigluCase(DType act, std::int64_t rows, std::int64_t cols) : act_(act), rows_(rows), cols_(cols) {
    family = "swiglu";
    name = "swiglu " + shape_text(rows, cols);
    bytes = 3 * act_bytes(act, rows * cols);
    streamed = bytes;
    flop = 8.0 * static_cast<double>(rows * cols);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    host_ = random_values("gate_up", rows_ * cols_ * 2, 3.0f);
    in_.clear(), out_.clear();
    for (int c = 0; c < copies; ++c) {
      in_.push_back(memory.input(act_, host_, rows_, 2 * cols_));
      out_.push_back(memory.output(act_, rows_, cols_));
    }
  }
  void run(Backend& backend, int copy) override {
    backend.swiglu({in_[static_cast<std::size_t>(copy)], out_[static_cast<std::size_t>(copy)]});
  }
  Tensor output() const override { return out_[0]; }
  /// One exponential good to 2^-20, two products, one rounding.
  double check(Backend& backend, std::int64_t samples) override {
    const std::vector<float> got = read_back(backend, out_[0]);
    const std::int64_t step = std::max<std::int64_t>(1, rows_ * cols_ / samples) | 1;
    Worst worst;
    for (std::int64_t o = 0; o < rows_ * cols_; o += step) {
      const std::int64_t r = o / cols_, i = o % cols_;
      const double gate = host_[static_cast<std::size_t>(r * 2 * cols_ + i)],
                   up = host_[static_cast<std::size_t>(r * 2 * cols_ + cols_ + i)];
      const double want = gate / (1 + std::exp(-gate)) * up;
      worst.see(got[static_cast<std::size_t>(o)], want, (2 * rounding(act_) + 4e-6) * std::fabs(want) + 1e-30);
    }
    return worst.ratio;
  }

 private:
  DType act_;
  std::int64_t rows_, cols_;
  std::vector<float> host_;
  std::vector<Tensor> in_, out_;
};

class RopeCase final : public OpCase {
 public:
  RopeCase(DType act, DType kv, std::int64_t tokens, std::int32_t q_heads, std::int32_t kv_heads, std::int32_t dim)
      : act_(act), kv_type_(kv), tokens_(tokens), q_heads_(q_heads), kv_heads_(kv_heads), dim_(dim) {
    family = "rope_append";
    name = std::string("rope_append ") + kernels::name(kv) + " t" + std::to_string(tokens) + " h" +
           std::to_string(q_heads) + "/" + std::to_string(kv_heads) + " d" + std::to_string(dim);
    bytes = act_bytes(act, tokens * dim * (2 * q_heads + 2 * kv_heads)) +
            static_cast<double>(tokens * dim * 2 * kv_heads * bits_per_value(kv)) / 8;
    flop = 6.0 * static_cast<double>(tokens * dim * (q_heads + kv_heads));
  }
  void prepare(Backend& backend, int) override {
    Buffers& memory = start(backend);
    const std::int64_t width = static_cast<std::int64_t>(q_heads_ + 2 * kv_heads_) * dim_;
    host_ = random_values("qkv", tokens_ * width);
    qkv_ = memory.input(act_, host_, tokens_, width);
    positions_.clear();
    std::vector<std::int64_t> slots;
    for (std::int64_t t = 0; t < tokens_; ++t) {
      positions_.push_back(static_cast<std::int32_t>(t * 31 % 5000));
      slots.push_back((t * 7 + 3) % slots_());
    }
    slots_host_ = slots;
    frequency_.clear();
    for (std::int32_t i = 0; i < dim_ / 2; ++i)
      frequency_.push_back(static_cast<float>(std::pow(10000.0, -2.0 * i / dim_)));
    args_.q = qkv_.columns(0, static_cast<std::int64_t>(q_heads_) * dim_);
    args_.k = qkv_.columns(static_cast<std::int64_t>(q_heads_) * dim_, static_cast<std::int64_t>(kv_heads_) * dim_);
    args_.v = qkv_.columns(static_cast<std::int64_t>(q_heads_ + kv_heads_) * dim_,
                           static_cast<std::int64_t>(kv_heads_) * dim_);
    args_.positions = memory.upload(positions_), args_.slots = memory.upload(slots),
    args_.inverse_frequency = memory.upload(frequency_);
    args_.q_heads = q_heads_, args_.rope_dim = dim_;
    const std::int64_t rows = slots_() * kv_heads_;
    const auto bytes_each = static_cast<std::size_t>(rows * dim_ * bits_per_value(kv_type_) / 8);
    args_.kv = {memory.allocate(bytes_each),
                memory.allocate(bytes_each),
                nullptr,
                nullptr,
                kv_type_,
                kPage,
                kv_heads_,
                dim_,
                dim_};
    backend.fill(args_.kv.keys, 0xff, bytes_each), backend.fill(args_.kv.values, 0xff, bytes_each);
  }
  void run(Backend& backend, int) override {
    backend.rope_append(args_);  // the check is of the first run; rotating again is the same work
  }
  Tensor output() const override { return args_.q; }
  /// One rotation: two products with factors good to 2^-22 (angles up to 5000 need range reduction), one rounding. The
  /// cache holds what the rotation gave, in the cache's type.
  double check(Backend& backend, std::int64_t) override {
    const std::vector<float> after = read_back(backend, {qkv_.data, act_, tokens_, qkv_.cols, qkv_.stride});
    std::vector<std::uint8_t> keys(
        static_cast<std::size_t>(slots_() * kv_heads_ * dim_ * bits_per_value(kv_type_) / 8));
    backend.download(keys.data(), args_.kv.keys, keys.size());
    Worst worst;
    for (std::int64_t t = 0; t < tokens_; ++t)
      for (std::int32_t h = 0; h < q_heads_ + kv_heads_; ++h)
        for (std::int32_t i = 0; i < dim_ / 2; ++i) check_pair(t, h, i, after, keys, worst);
    return worst.ratio;
  }

 private:
  static constexpr std::int32_t kPage = 16;
  std::int64_t slots_() const { return (tokens_ * 8 + 16) / kPage * kPage + kPage * 7; }

  void check_pair(std::int64_t t, std::int32_t h, std::int32_t i, const std::vector<float>& after,
                  const std::vector<std::uint8_t>& keys, Worst& worst) const {
    const auto at = static_cast<std::size_t>(t * qkv_.cols + static_cast<std::int64_t>(h) * dim_ + i),
               half = static_cast<std::size_t>(dim_ / 2);
    const double x = host_[at], y = host_[at + half];
    const double angle =
        static_cast<double>(positions_[static_cast<std::size_t>(t)]) * frequency_[static_cast<std::size_t>(i)];
    const double a = x * std::cos(angle) - y * std::sin(angle), b = x * std::sin(angle) + y * std::cos(angle);
    const double tolerance = 2 * rounding(act_) * (std::fabs(x) + std::fabs(y)) + 2e-5;
    if (h < q_heads_) {
      worst.see(after[at], a, tolerance);
      worst.see(after[at + half], b, tolerance);
      return;
    }
    const std::int64_t slot = slots_host_[static_cast<std::size_t>(t)];
    const std::int64_t row = ((slot / kPage) * kv_heads_ + (h - q_heads_)) * kPage + slot % kPage;
    const auto first = static_cast<std::size_t>(row * dim_ + i);
    const auto cached = [&](std::size_t n) {
      return kv_type_ == DType::f32 ? reinterpret_cast<const float*>(keys.data())[n]
                                    : static_cast<float>(reinterpret_cast<const bf16*>(keys.data())[n]);
    };
    const double cache_tolerance = tolerance + 2 * rounding(kv_type_) * (std::fabs(x) + std::fabs(y));
    worst.see(cached(first), a, cache_tolerance);
    worst.see(cached(first + half), b, cache_tolerance);
  }

  DType act_, kv_type_;
  std::int64_t tokens_;
  std::int32_t q_heads_, kv_heads_, dim_;
  std::vector<float> host_, frequency_;
  std::vector<std::int32_t> positions_;
  std::vector<std::int64_t> slots_host_;
  Tensor qkv_;
  RopeAppendArgs args_;
};

class ArgmaxCase final : public OpCase {
 public:
  ArgmaxCase(std::int64_t rows, std::int64_t vocab) : rows_(rows), vocab_(vocab) {
    family = "sample";
    name = "argmax " + shape_text(rows, vocab);
    streamed = bytes = act_bytes(DType::f32, rows * vocab);
    flop = static_cast<double>(rows * vocab);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    host_ = random_values("logits", rows_ * vocab_);  // bf16 values: ties are common, the lowest id wins
    logits_.clear();
    for (int c = 0; c < copies; ++c) logits_.push_back(memory.input(DType::f32, host_, rows_, vocab_));
    ids_ = memory.output(DType::i32, 1, rows_);
  }
  void run(Backend& backend, int copy) override {
    SampleArgs a;
    a.logits = logits_[static_cast<std::size_t>(copy)];
    a.ids = ids_.as<std::int32_t>();
    backend.sample(a);
  }
  Tensor output() const override { return ids_; }
  double check(Backend& backend, std::int64_t) override {
    std::vector<std::int32_t> got(static_cast<std::size_t>(rows_));
    backend.download(got.data(), ids_.data, got.size() * 4);
    Worst worst;
    for (std::int64_t r = 0; r < rows_; ++r) {
      const auto row = host_.begin() + r * vocab_;
      worst.see(got[static_cast<std::size_t>(r)], static_cast<double>(std::max_element(row, row + vocab_) - row), 0.5);
    }
    return worst.ratio;
  }

 private:
  std::int64_t rows_, vocab_;
  std::vector<float> host_;
  std::vector<Tensor> logits_;
  Tensor ids_;
};

}  // namespace

std::unique_ptr<OpCase> norm_case(DType act, std::int64_t rows, std::int64_t cols) {
  return std::make_unique<NormCase>(act, rows, cols);
}
std::unique_ptr<OpCase> swiglu_case(DType act, std::int64_t rows, std::int64_t cols) {
  return std::make_unique<SwigluCase>(act, rows, cols);
}
std::unique_ptr<OpCase> rope_case(DType act, DType kv, std::int64_t tokens, std::int32_t q_heads, std::int32_t kv_heads,
                                  std::int32_t head_dim) {
  return std::make_unique<RopeCase>(act, kv, tokens, q_heads, kv_heads, head_dim);
}
std::unique_ptr<OpCase> argmax_case(std::int64_t rows, std::int64_t vocab) {
  return std::make_unique<ArgmaxCase>(rows, vocab);
}

}  // namespace tokenfab::kernels
