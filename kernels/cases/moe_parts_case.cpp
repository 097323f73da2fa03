#include <cmath>

#include "kernels/cases/case_data.h"
#include "kernels/reference/reference.h"

namespace tokenfab::kernels {
namespace {

class RouteCase final : public PreparedCase {
 public:
  RouteCase(std::int64_t tokens, std::int32_t experts, std::int32_t top_k, bool renormalize)
      : tokens_(tokens), experts_(experts), top_k_(top_k), renormalize_(renormalize) {
    family = "moe_route";
    name = "moe_route t" + std::to_string(tokens) + " e" + std::to_string(experts) + " k" + std::to_string(top_k) +
           (renormalize ? "" : " not renormalized");
    bytes = 4.0 * static_cast<double>(tokens * experts + 4 * tokens * top_k + experts + 1);
    flop = 3.0 * static_cast<double>(tokens * experts);
  }
  void prepare(Backend& backend, int) override {
    Buffers& memory = start(backend);
    logits_ = random_matrix("router", DType::f32, tokens_, experts_);  // bf16 values: ties happen
    args_.logits = memory.upload(logits_);
    args_.top_k = top_k_, args_.renormalize = renormalize_;
    const std::int64_t rows = tokens_ * top_k_;
    out_ = {memory.output(DType::f32, 1, rows), memory.output(DType::i32, 1, rows), memory.output(DType::i32, 1, rows),
            memory.output(DType::i32, 1, rows), memory.output(DType::i32, 1, experts_ + 1)};
    args_.weights = out_[0].as<float>(), args_.experts = out_[1].as<std::int32_t>();
    args_.order = out_[2].as<std::int32_t>(), args_.position = out_[3].as<std::int32_t>();
    args_.offsets = out_[4].as<std::int32_t>();
  }
  void run(Backend& backend, int) override { backend.moe_route(args_); }
  std::vector<Tensor> outputs() const override { return out_; }
  /// Integers exactly; weights to 2^-19: exponentials and their quotient.
  double check(Backend& backend, std::int64_t) override {
    MoeRouteArgs host = args_;
    host.logits = logits_.view;
    const reference::Route want = reference::moe_route(host);
    Worst worst;
    const HostMatrix weights = download(backend, out_[0]);
    for (std::size_t i = 0; i < want.weights.size(); ++i)
      worst.see(reference::at(weights.view, 0, static_cast<std::int64_t>(i)), want.weights[i],
                0x1p-19 * want.weights[i]);
    const std::vector<std::int32_t>* lists[] = {&want.experts, &want.order, &want.position, &want.offsets};
    for (std::size_t l = 0; l < 4; ++l) {
      const HostMatrix got = download(backend, out_[l + 1]);
      for (std::size_t i = 0; i < lists[l]->size(); ++i)
        worst.see(reference::at(got.view, 0, static_cast<std::int64_t>(i)), (*lists[l])[i], 0.5);
    }
    return worst.ratio;
  }

 private:
  std::int64_t tokens_;
  std::int32_t experts_, top_k_;
  bool renormalize_;
  HostMatrix logits_;
  MoeRouteArgs args_;
  std::vector<Tensor> out_;
};

class CombineCase final : public PreparedCase {
 public:
  CombineCase(DType act, std::int64_t tokens, std::int64_t cols, std::int32_t top_k, bool accumulate)
      : act_(act), tokens_(tokens), cols_(cols), top_k_(top_k), accumulate_(accumulate) {
    family = "moe_combine";
    name = "moe_combine t" + std::to_string(tokens) + " n" + std::to_string(cols) + " k" + std::to_string(top_k) +
           (accumulate ? " accumulate to f32" : "");
    out_type_ = accumulate ? DType::f32 : act;
    const double values = static_cast<double>(tokens * cols);
    bytes = values * top_k * static_cast<double>(bits_per_value(act)) / 8 +
            values * static_cast<double>(bits_per_value(out_type_)) / 8 * (accumulate ? 2 : 1);
    streamed = bytes;
    flop = 2.0 * values * top_k;
  }
  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    const std::int64_t rows = tokens_ * top_k_;
    y_ = random_matrix("y", act_, rows, cols_);
    before_ = random_matrix("out", out_type_, tokens_, cols_);
    weights_.clear(), position_.clear(), args_.clear();
    for (std::int64_t i = 0; i < rows; ++i) {
      weights_.push_back(static_cast<float>(uniform("weights", static_cast<std::uint64_t>(i))));
      position_.push_back(static_cast<std::int32_t>(rows - 1 - i));
    }
    MoeCombineArgs a;
    a.weights = memory.upload(weights_), a.position = memory.upload(position_);
    a.top_k = top_k_, a.accumulate = accumulate_;
    for (int c = 0; c < copies; ++c) {
      a.y = memory.upload(y_);
      a.out = accumulate_ ? memory.upload(before_) : memory.output(out_type_, tokens_, cols_);
      args_.push_back(a);
    }
  }
  void run(Backend& backend, int copy) override { backend.moe_combine(args_[static_cast<std::size_t>(copy)]); }
  std::vector<Tensor> outputs() const override { return {args_[0].out}; }
  /// An f32 sum of top_k terms; one rounding.
  double check(Backend& backend, std::int64_t samples) override {
    const HostMatrix out = download(backend, args_[0].out);
    MoeCombineArgs host = args_[0];
    host.y = y_.view, host.weights = weights_.data(), host.position = position_.data(), host.out = before_.view;
    Worst worst;
    for (const std::int64_t o : spread(tokens_ * cols_, samples)) {
      const reference::Sum want = reference::moe_combine(host, o / cols_, o % cols_);
      worst.see(
          reference::at(out.view, o / cols_, o % cols_), want.value,
          kSpread * summing_deviation(top_k_ + 1, want.squares) + unit(out_type_) * std::fabs(want.value) + 1e-30);
    }
    return worst.ratio;
  }

 private:
  DType act_, out_type_ = DType::f32;
  std::int64_t tokens_, cols_;
  std::int32_t top_k_;
  bool accumulate_;
  HostMatrix y_, before_;
  std::vector<float> weights_;
  std::vector<std::int32_t> position_;
  std::vector<MoeCombineArgs> args_;
};

}  // namespace

std::unique_ptr<OpCase> moe_route_case(std::int64_t tokens, std::int32_t experts, std::int32_t top_k,
                                       bool renormalize) {
  return std::make_unique<RouteCase>(tokens, experts, top_k, renormalize);
}
std::unique_ptr<OpCase> moe_combine_case(DType act, std::int64_t tokens, std::int64_t cols, std::int32_t top_k,
                                         bool accumulate) {
  return std::make_unique<CombineCase>(act, tokens, cols, top_k, accumulate);
}

}  // namespace tokenfab::kernels
