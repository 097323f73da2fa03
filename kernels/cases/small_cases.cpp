#include <algorithm>
#include <cmath>

#include "kernels/cases/case_data.h"
#include "kernels/reference/reference.h"

namespace tokenfab::kernels {
namespace {

double bytes_of(DType type, std::int64_t count) { return static_cast<double>(count * bits_per_value(type)) / 8; }
std::string shape_text(std::int64_t rows, std::int64_t cols) {
  return std::to_string(rows) + "x" + std::to_string(cols);
}

class NormCase final : public PreparedCase {
 public:
  NormCase(DType act, std::int64_t rows, std::int64_t cols, bool add)
      : act_(act), stored_(add ? DType::f32 : act), rows_(rows), cols_(cols), add_(add) {
    family = "rms_norm";
    name = (add ? "rms_norm+residual " : "rms_norm in place ") + shape_text(rows, cols);
    bytes = 2 * bytes_of(act, rows * cols) + (add ? 2 * bytes_of(DType::f32, rows * cols) : 0.0);
    streamed = bytes;
    flop = 5.0 * static_cast<double>(rows * cols);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    x_ = random_matrix("x", act_, rows_, cols_);
    residual_ = random_matrix("residual", stored_, rows_, cols_, 2.0f);
    weight_ = random_matrix("weight", DType::bf16, 1, cols_);
    const auto* weight = memory.upload(weight_).as<const bf16>();
    args_.clear();
    for (int c = 0; c < copies; ++c) {
      RmsNormArgs a;
      if (add_) a.x = memory.upload(x_);
      a.residual = memory.upload(residual_);
      a.weight = weight;
      a.out = add_ ? memory.output(act_, rows_, cols_) : a.residual;
      args_.push_back(a);
    }
  }
  void run(Backend& backend, int copy) override { backend.rms_norm(args_[static_cast<std::size_t>(copy)]); }
  std::vector<Tensor> outputs() const override {
    return add_ ? std::vector{args_[0].out, args_[0].residual} : std::vector{args_[0].out};
  }
  /// The mean square is a sum of positive terms, good to 2^-20 here; two products; one rounding.
  double check(Backend& backend, std::int64_t samples) override {
    const HostMatrix out = download(backend, args_[0].out), after = download(backend, args_[0].residual);
    RmsNormArgs host = args_[0];
    if (add_) host.x = x_.view;
    host.residual = residual_.view, host.weight = weight_.view.as<const bf16>();
    Worst worst;
    for (const std::int64_t r : spread(rows_, std::max<std::int64_t>(4, samples / cols_))) {
      const reference::NormedRow want = reference::rms_norm(host, r);
      for (std::int64_t i = 0; i < cols_; ++i) {
        const double w = want.out[static_cast<std::size_t>(i)], s = want.residual[static_cast<std::size_t>(i)];
        worst.see(reference::at(out.view, r, i), w, (1.01 * unit(act_) + 0x1p-19) * std::fabs(w) + 1e-30);
        if (add_) worst.see(reference::at(after.view, r, i), s, 1.01 * unit(DType::f32) * std::fabs(s) + 1e-30);
      }
    }
    return worst.ratio;
  }

 private:
  DType act_, stored_;
  std::int64_t rows_, cols_;
  bool add_;
  HostMatrix x_, residual_, weight_;
  std::vector<RmsNormArgs> args_;
};

class SwigluCase final : public PreparedCase {
 public:
  SwigluCase(DType act, std::int64_t rows, std::int64_t cols) : act_(act), rows_(rows), cols_(cols) {
    family = "swiglu";
    name = "swiglu " + shape_text(rows, cols);
    streamed = bytes = 3 * bytes_of(act, rows * cols);
    flop = 8.0 * static_cast<double>(rows * cols);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    host_ = random_matrix("gate_up", act_, rows_, 2 * cols_, 3.0f);
    args_.clear();
    for (int c = 0; c < copies; ++c) args_.push_back({memory.upload(host_), memory.output(act_, rows_, cols_)});
  }
  void run(Backend& backend, int copy) override { backend.swiglu(args_[static_cast<std::size_t>(copy)]); }
  std::vector<Tensor> outputs() const override { return {args_[0].out}; }
  /// One exponential good to 2^-20, a quotient, a product, one rounding.
  double check(Backend& backend, std::int64_t samples) override {
    const HostMatrix out = download(backend, args_[0].out);
    Worst worst;
    for (const std::int64_t o : spread(rows_ * cols_, samples)) {
      const std::int64_t r = o / cols_, i = o % cols_;
      const double want = reference::swiglu(reference::at(host_.view, r, i), reference::at(host_.view, r, i + cols_));
      worst.see(reference::at(out.view, r, i), want, (1.01 * unit(act_) + 0x1p-18) * std::fabs(want) + 1e-30);
    }
    return worst.ratio;
  }

 private:
  DType act_;
  std::int64_t rows_, cols_;
  HostMatrix host_;
  std::vector<SwigluArgs> args_;
};

/// Rows chosen by number: embed from a bf16 table, gather from activations. Both are exact.
class PickCase final : public PreparedCase {
 public:
  PickCase(DType act, std::int64_t tokens, std::int64_t from, std::int64_t cols, bool embed)
      : act_(act), tokens_(tokens), from_(from), cols_(cols), embed_(embed) {
    family = embed ? "embed" : "gather";
    name = family + " " + shape_text(tokens, cols) + " of " + std::to_string(from);
    bytes = bytes_of(embed ? DType::bf16 : act, tokens * cols) + bytes_of(act, tokens * cols);
    streamed = bytes_of(act, tokens * cols);
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    source_ = random_matrix("source", embed_ ? DType::bf16 : act_, from_, cols_);
    Weight table{source_.bytes.data(), nullptr, DType::bf16, from_, cols_};
    embeds_.clear(), gathers_.clear(), ids_.clear();
    if (embed_) table = backend.load(table);
    const Tensor source = embed_ ? Tensor{} : memory.upload(source_);
    for (int c = 0; c < copies; ++c) {  // each copy reads rows of its own
      for (std::int64_t t = 0; t < tokens_; ++t)
        ids_.push_back(static_cast<std::int32_t>((t * 7919 + 11 + c * tokens_ * 7919) % from_));
      const std::vector<std::int32_t> ids(ids_.end() - static_cast<std::ptrdiff_t>(tokens_), ids_.end());
      const std::int32_t* at = memory.upload(ids);
      const Tensor out = memory.output(act_, tokens_, cols_);
      embeds_.push_back({at, table, out}), gathers_.push_back({source, at, out});
    }
  }
  void run(Backend& backend, int copy) override {
    const auto c = static_cast<std::size_t>(copy);
    embed_ ? backend.embed(embeds_[c]) : backend.gather(gathers_[c]);
  }
  std::vector<Tensor> outputs() const override { return {gathers_[0].out}; }
  double check(Backend& backend, std::int64_t samples) override {
    const HostMatrix out = download(backend, gathers_[0].out);
    const EmbedArgs embed{ids_.data(), {source_.bytes.data(), nullptr, DType::bf16, from_, cols_}, {}};
    const GatherArgs gather{source_.view, ids_.data(), {}};
    Worst worst;
    for (const std::int64_t o : spread(tokens_ * cols_, samples)) {
      const std::int64_t r = o / cols_, i = o % cols_;
      worst.see(reference::at(out.view, r, i), embed_ ? reference::embed(embed, r, i) : reference::gather(gather, r, i),
                1e-30);
    }
    return worst.ratio;
  }

 private:
  DType act_;
  std::int64_t tokens_, from_, cols_;
  bool embed_;
  HostMatrix source_;
  std::vector<std::int32_t> ids_;
  std::vector<EmbedArgs> embeds_;
  std::vector<GatherArgs> gathers_;
};

}  // namespace

std::unique_ptr<OpCase> norm_case(DType act, std::int64_t rows, std::int64_t cols, bool add) {
  return std::make_unique<NormCase>(act, rows, cols, add);
}
std::unique_ptr<OpCase> swiglu_case(DType act, std::int64_t rows, std::int64_t cols) {
  return std::make_unique<SwigluCase>(act, rows, cols);
}
std::unique_ptr<OpCase> embed_case(DType act, std::int64_t tokens, std::int64_t vocab, std::int64_t cols) {
  return std::make_unique<PickCase>(act, tokens, vocab, cols, true);
}
std::unique_ptr<OpCase> gather_case(DType act, std::int64_t rows, std::int64_t cols) {
  return std::make_unique<PickCase>(act, rows, 4 * rows + 1, cols, false);
}

}  // namespace tokenfab::kernels
