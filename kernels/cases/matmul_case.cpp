#include <cmath>

#include "kernels/cases/case_data.h"
#include "kernels/reference/reference.h"

namespace tokenfab::kernels {
namespace {

class MatmulCase final : public PreparedCase {
 public:
  MatmulCase(DType act, const ProductShape& s) : act_(act), s_(s), out_(s.f32_output ? DType::f32 : act) {
    family = "matmul";
    name = std::string("matmul ") + kernels::name(s.weights) + " m" + std::to_string(s.m) + " n" + std::to_string(s.n) +
           " k" + std::to_string(s.k) + (s.f32_output && act != DType::f32 ? " to f32" : "") +
           (s.accumulate ? " accumulate" : "");
    const Weight w{nullptr, nullptr, s.weights, s.n, s.k};
    m = s.m, n = s.n, k = s.k;
    streamed = static_cast<double>(w.bytes());
    bytes =
        streamed +
        static_cast<double>(m * k * bits_per_value(act) + m * n * bits_per_value(out_) * (s.accumulate ? 2 : 1)) / 8;
    flop = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  }

  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    weights_ = random_weights("w", s_.weights, n, k, copies);
    loaded_ = load_all(backend, weights_);
    x_ = random_matrix("x", act_, m, k);
    before_ = random_matrix("y", out_, m, n);
    x_at_ = memory.upload(x_);
    y_at_ = s_.accumulate ? memory.upload(before_) : memory.output(out_, m, n);
  }
  void run(Backend& backend, int copy) override {
    backend.matmul({x_at_, loaded_[static_cast<std::size_t>(copy)], y_at_, s_.accumulate});
  }
  std::vector<Tensor> outputs() const override { return {y_at_}; }

  /// Products of bf16 inputs are exact in f32. Errors: the f32 sum; where a bf16 backend may expand a scaled weight to
  /// bf16, one rounding of each term; the output's rounding.
  double check(Backend& backend, std::int64_t samples) override {
    const HostMatrix y = download(backend, y_at_);
    MatmulArgs host{x_.view, weights_.views[0], before_.view, s_.accumulate};
    const bool expanded = act_ == DType::bf16 && s_.weights != DType::bf16;
    Worst worst;
    for (const std::int64_t o : spread(m * n, samples)) {
      const reference::Sum want = reference::matmul(host, o / n, o % n);
      const double deviation = std::hypot(summing_deviation(static_cast<double>(k), want.squares),
                                          expanded ? rounding_deviation(DType::bf16) * std::sqrt(want.squares) : 0.0);
      worst.see(reference::at(y.view, o / n, o % n), want.value,
                kSpread * deviation + unit(out_) * std::fabs(want.value) + 1e-30);
    }
    return worst.ratio;
  }

 private:
  DType act_;
  ProductShape s_;
  DType out_;
  HostWeights weights_;
  std::vector<Weight> loaded_;
  HostMatrix x_, before_;
  Tensor x_at_, y_at_;
};

}  // namespace

std::unique_ptr<OpCase> matmul_case(DType act, const ProductShape& shape) {
  return std::make_unique<MatmulCase>(act, shape);
}

}  // namespace tokenfab::kernels
