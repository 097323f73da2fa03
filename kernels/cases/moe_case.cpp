#include <algorithm>
#include <cmath>

#include "kernels/cases/op_case.h"
#include "kernels/cases/stored_matrix.h"

namespace tokenfab::kernels {
namespace {

/// Routing, two grouped products, SwiGLU and the weighted sum.
class MoeCase final : public OpCase {
 public:
  MoeCase(DType act, const MoeShape& s) : act_(act), s_(s) {
    family = "moe";
    name = std::string("moe ") + kernels::name(s.weights) + " t" + std::to_string(s.tokens) + " e" +
           std::to_string(s.experts) + " k" + std::to_string(s.top_k) + " h" + std::to_string(s.hidden) + " i" +
           std::to_string(s.intermediate) + (s.skewed ? " skewed" : " balanced");
    const Weight up{nullptr, nullptr, s.weights, 2 * s.intermediate, s.hidden},
        down{nullptr, nullptr, s.weights, s.hidden, s.intermediate};
    each_ = static_cast<double>(up.bytes() + down.bytes());
    flop = 6.0 * static_cast<double>(s.tokens * s.top_k) * static_cast<double>(s.hidden * s.intermediate);
    make_routing();
    bytes = each_ * touched_;
  }

  void prepare(Backend& backend, int) override {
    Buffers& memory = start(backend);
    const std::int64_t rows = s_.tokens * s_.top_k;
    up_ = load(backend, 2 * s_.intermediate, s_.hidden, up_host_);
    down_ = load(backend, s_.hidden, s_.intermediate, down_host_);
    x_host_ = random_values("x", s_.tokens * s_.hidden);
    x_ = memory.input(act_, x_host_, s_.tokens, s_.hidden);
    route_.logits = {memory.upload(logits_), DType::f32, s_.tokens, s_.experts, s_.experts};
    route_.top_k = s_.top_k;
    const auto ints = [&](std::int64_t n) {
      return static_cast<std::int32_t*>(memory.allocate(static_cast<std::size_t>(n) * 4));
    };
    route_.weights = static_cast<float*>(memory.allocate(static_cast<std::size_t>(rows) * 4));
    route_.experts = ints(rows), route_.order = ints(rows), route_.position = ints(rows),
    route_.offsets = ints(s_.experts + 1);
    gate_up_ = memory.output(act_, rows, 2 * s_.intermediate);
    inner_ = memory.output(act_, rows, s_.intermediate);
    expert_out_ = memory.output(act_, rows, s_.hidden);
    out_ = memory.output(act_, s_.tokens, s_.hidden);
  }

  void run(Backend& backend, int) override {
    const std::int64_t rows = s_.tokens * s_.top_k;
    backend.moe_route(route_);
    backend.grouped_matmul({x_, route_.order, s_.top_k, route_.offsets, up_.data(), s_.experts, rows, gate_up_});
    backend.swiglu({gate_up_, inner_});
    backend.grouped_matmul({inner_, nullptr, 1, route_.offsets, down_.data(), s_.experts, rows, expert_out_});
    backend.moe_combine({expert_out_, route_.weights, route_.position, s_.top_k, false, out_});
  }
  Tensor output() const override { return out_; }

  /// Three stored intermediates, each rounded to the activation type, on top of the products' own error. The inner
  /// values' rounding reaches the output scaled by the down projection: bounded by the terms' total size.
  double check(Backend& backend, std::int64_t samples) override {
    const std::vector<float> got = read_back(backend, out_);
    const std::int64_t picked = std::max<std::int64_t>(1, samples / 64);
    const std::int64_t token_step = std::max<std::int64_t>(1, s_.tokens / picked);
    Worst worst;
    for (std::int64_t t = 0; t < s_.tokens; t += token_step)
      check_token(t, got, std::min<std::int64_t>(64, samples), worst);
    return worst.ratio;
  }

 private:
  std::vector<Weight> load(Backend& backend, std::int64_t n, std::int64_t k, StoredMatrix& host) const {
    // Every expert holds a shifted copy of one random matrix, so that a wrong expert shows.
    host = random_matrix(s_.weights, n * 2, k);
    const auto data_each = static_cast<std::size_t>(n * k * bits_per_value(s_.weights) / 8);
    const std::size_t scales_each = host.scales.size() / 2;
    std::vector<std::uint8_t> data, scales;
    for (std::int32_t e = 0; e < s_.experts; ++e) {
      const auto row = static_cast<std::size_t>(first_row(e, n));
      const auto from =
          host.data.begin() + static_cast<std::ptrdiff_t>(row * (data_each / static_cast<std::size_t>(n)));
      data.insert(data.end(), from, from + static_cast<std::ptrdiff_t>(data_each));
      const auto scale =
          host.scales.begin() + static_cast<std::ptrdiff_t>(row * (scales_each / static_cast<std::size_t>(n)));
      scales.insert(scales.end(), scale, scale + static_cast<std::ptrdiff_t>(scales_each));
    }
    const Weight loaded =
        backend.load({data.data(), scales.empty() ? nullptr : scales.data(), s_.weights, n, k}, s_.experts);
    std::vector<Weight> parts;
    for (std::int32_t e = 0; e < s_.experts; ++e) parts.push_back(backend.part(loaded, e));
    return parts;
  }
  std::int64_t first_row(std::int32_t expert, std::int64_t n) const { return expert * 7 % n; }

  void make_routing() {
    logits_.resize(static_cast<std::size_t>(s_.tokens * s_.experts));
    std::vector<bool> seen(static_cast<std::size_t>(s_.experts));
    for (std::int64_t t = 0; t < s_.tokens; ++t) {
      for (std::int32_t e = 0; e < s_.experts; ++e) {
        const auto i = static_cast<std::size_t>(t * s_.experts + e);
        // Balanced: the k preferred experts rotate; noise below the gap keeps every logit different.
        const std::int64_t turn = (e - t * s_.top_k % s_.experts + s_.experts) % s_.experts;
        const float liked = s_.skewed ? -std::log(static_cast<float>(e + 1)) : (turn < s_.top_k ? 3.0f : 0.0f);
        logits_[i] = liked + random_weight(weight_key(1, "router"), i, s_.skewed ? 1.0f : 0.2f);
      }
      for (const std::int32_t e : chosen(t)) seen[static_cast<std::size_t>(e)] = true;
    }
    touched_ = static_cast<double>(std::count(seen.begin(), seen.end(), true));
  }
  std::vector<std::int32_t> chosen(std::int64_t t) const {
    const float* l = logits_.data() + t * s_.experts;
    std::vector<std::int32_t> order(static_cast<std::size_t>(s_.experts));
    for (std::int32_t e = 0; e < s_.experts; ++e) order[static_cast<std::size_t>(e)] = e;
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return l[a] > l[b]; });
    order.resize(static_cast<std::size_t>(s_.top_k));
    return order;
  }

  void check_token(std::int64_t t, const std::vector<float>& got, std::int64_t columns, Worst& worst) const {
    const std::vector<std::int32_t> experts = chosen(t);
    std::vector<double> want(static_cast<std::size_t>(columns)), size(want.size());
    const float* l = logits_.data() + t * s_.experts;
    double norm = 0;
    for (const std::int32_t e : experts) norm += std::exp(static_cast<double>(l[e]) - l[experts[0]]);
    const std::int64_t column_step = std::max<std::int64_t>(1, s_.hidden / columns);
    for (const std::int32_t e : experts) {
      const std::vector<double> inner = inner_values(t, e);
      const double weight = std::exp(static_cast<double>(l[e]) - l[experts[0]]) / norm;
      for (std::size_t c = 0; c < want.size(); ++c)
        for (std::int64_t i = 0; i < s_.intermediate; ++i) {
          const std::int64_t row = first_row(e, s_.hidden) + static_cast<std::int64_t>(c) * column_step;
          const double term = weight * stored_value(down_host_.view, row, i) * inner[static_cast<std::size_t>(i)];
          want[c] += term, size[c] += std::fabs(term);
        }
    }
    const double each = act_ == DType::bf16 ? 4 * 0x1p-8 : 1e-5;
    for (std::size_t c = 0; c < want.size() && static_cast<std::int64_t>(c) * column_step < s_.hidden; ++c) {
      const std::int64_t at = t * s_.hidden + static_cast<std::int64_t>(c) * column_step;
      worst.see(got[static_cast<std::size_t>(at)], want[c], each * size[c] + 1e-30);
    }
  }
  std::vector<double> inner_values(std::int64_t t, std::int32_t e) const {
    std::vector<double> inner(static_cast<std::size_t>(s_.intermediate));
    for (std::int64_t i = 0; i < s_.intermediate; ++i) {
      double gate = 0, up = 0;
      for (std::int64_t c = 0; c < s_.hidden; ++c) {
        const double x = x_host_[static_cast<std::size_t>(t * s_.hidden + c)];
        gate += x * stored_value(up_host_.view, first_row(e, 2 * s_.intermediate) + i, c);
        up += x * stored_value(up_host_.view, first_row(e, 2 * s_.intermediate) + s_.intermediate + i, c);
      }
      inner[static_cast<std::size_t>(i)] = gate / (1 + std::exp(-gate)) * up;
    }
    return inner;
  }

  DType act_;
  MoeShape s_;
  double each_ = 0, touched_ = 0;
  std::vector<float> logits_, x_host_;
  StoredMatrix up_host_, down_host_;
  std::vector<Weight> up_, down_;
  MoeRouteArgs route_;
  Tensor x_, gate_up_, inner_, expert_out_, out_;
};

}  // namespace

std::unique_ptr<OpCase> moe_case(DType act, const MoeShape& shape) { return std::make_unique<MoeCase>(act, shape); }

}  // namespace tokenfab::kernels
