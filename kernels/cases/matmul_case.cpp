#include <algorithm>
#include <cmath>

#include "kernels/cases/op_case.h"
#include "kernels/cases/stored_matrix.h"

namespace tokenfab::kernels {
namespace {

class MatmulCase final : public OpCase {
 public:
  MatmulCase(DType act, DType type, std::int64_t m, std::int64_t n, std::int64_t k)
      : act_(act), type_(type), m_(m), n_(n), k_(k) {
    family = "matmul";
    name = std::string("matmul ") + kernels::name(type) + " m" + std::to_string(m) + " n" + std::to_string(n) + " k" +
           std::to_string(k);
    const Weight w{nullptr, nullptr, type, n, k};
    gemm_m = m, gemm_n = n, gemm_k = k;
    streamed = static_cast<double>(w.bytes());
    bytes = static_cast<double>(w.bytes()) + static_cast<double>((m * k + m * n) * bits_per_value(act)) / 8;
    flop = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  }

  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    host_ = random_matrix(type_, n_, k_);
    // The other copies hold the same bytes: only their addresses matter.
    std::vector<std::uint8_t> data, scales;
    for (int c = 0; c < copies; ++c) {
      data.insert(data.end(), host_.data.begin(), host_.data.end());
      scales.insert(scales.end(), host_.scales.begin(), host_.scales.end());
    }
    Weight all = host_.view;
    all.data = data.data();
    all.scales = scales.empty() ? nullptr : scales.data();
    const Weight loaded = backend.load(all, copies);
    weights_.clear();
    for (int c = 0; c < copies; ++c) weights_.push_back(backend.part(loaded, c));
    x_host_ = random_values("x", m_ * k_);
    x_ = memory.input(act_, x_host_, m_, k_);
    y_ = memory.output(act_, m_, n_);
  }
  void run(Backend& backend, int copy) override { backend.matmul({x_, weights_[static_cast<std::size_t>(copy)], y_}); }
  Tensor output() const override { return y_; }

  /// Exact products in f32 sums of k terms: k roundings of 2^-24 of the terms' total size at worst, eight times fewer
  /// in practice; the output's own rounding; and, where a bf16 backend expands quantized weights to bf16, 2^-9 of each
  /// term.
  double check(Backend& backend, std::int64_t samples) override {
    const std::vector<float> got = read_back(backend, y_);
    const std::int64_t outputs = m_ * n_, step = std::max<std::int64_t>(1, outputs / samples) | 1;
    const double expanded = act_ == DType::bf16 && type_ != DType::bf16 ? 0x1p-8 : 0;
    const double summed = std::max(16.0, static_cast<double>(k_) / 8) * 0x1p-24;
    Worst worst;
    for (std::int64_t o = 0; o < outputs; o += step) {
      double want = 0, size = 0;
      for (std::int64_t c = 0; c < k_; ++c) {
        const double term = stored_value(host_.view, o % n_, c) * x_host_[static_cast<std::size_t>(o / n_ * k_ + c)];
        want += term, size += std::fabs(term);
      }
      worst.see(got[static_cast<std::size_t>(o)], want,
                2 * rounding(act_) * std::fabs(want) + (summed + expanded) * size + 1e-30);
    }
    return worst.ratio;
  }

 private:
  DType act_, type_;
  std::int64_t m_, n_, k_;
  StoredMatrix host_;
  std::vector<Weight> weights_;
  std::vector<float> x_host_;
  Tensor x_, y_;
};

}  // namespace

std::unique_ptr<OpCase> matmul_case(DType act, DType weights, std::int64_t m, std::int64_t n, std::int64_t k) {
  return std::make_unique<MatmulCase>(act, weights, m, n, k);
}

}  // namespace tokenfab::kernels
