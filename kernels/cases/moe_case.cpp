#include <algorithm>
#include <cmath>

#include "kernels/cases/case_data.h"
#include "kernels/random_weights.h"
#include "kernels/reference/reference.h"

namespace tokenfab::kernels {
namespace {

/// Routing, two grouped products, SwiGLU and the weighted sum. Copies differ in the experts that their routers prefer,
/// then in their weights: what one leaves in the cache, the next does not find there.
class MoeCase final : public PreparedCase {
 public:
  MoeCase(DType act, const MoeShape& s) : act_(act), s_(s) {
    family = "moe";
    name = std::string("moe ") + kernels::name(s.weights) + " t" + std::to_string(s.tokens) + " e" +
           std::to_string(s.experts) + " k" + std::to_string(s.top_k) + " h" + std::to_string(s.hidden) + " i" +
           std::to_string(s.intermediate) + (s.skewed ? " skewed" : " balanced");
    const Weight up{nullptr, nullptr, s.weights, 2 * s.intermediate, s.hidden},
        down{nullptr, nullptr, s.weights, s.hidden, s.intermediate};
    set_logits(0);
    const reference::Route route = host_route();
    touched_ = 0;
    for (std::int32_t e = 0; e < s.experts; ++e)
      touched_ += route.offsets[static_cast<std::size_t>(e)] < route.offsets[static_cast<std::size_t>(e) + 1];
    streamed = static_cast<double>(up.bytes() + down.bytes()) * touched_;
    bytes = streamed + static_cast<double>(s.tokens * (2 * s.hidden * bits_per_value(act) + 32 * s.experts)) / 8;
    flop = 6.0 * static_cast<double>(s.tokens * s.top_k) * static_cast<double>(s.hidden * s.intermediate);
  }

  void prepare(Backend& backend, int copies) override {
    Buffers& memory = start(backend);
    const std::int64_t rows = s_.tokens * s_.top_k;
    turns_ = std::max(1, s_.experts / touched_);
    const int sets = (copies + turns_ - 1) / turns_;
    up_host_ = random_weights("up", s_.weights, 2 * s_.intermediate, s_.hidden, s_.experts * sets);
    down_host_ = random_weights("down", s_.weights, s_.hidden, s_.intermediate, s_.experts * sets);
    up_ = load_all(backend, up_host_), down_ = load_all(backend, down_host_);
    x_host_ = random_matrix("x", act_, s_.tokens, s_.hidden);
    x_ = memory.upload(x_host_);
    logits_at_.clear();
    for (int turn = turns_ - 1; turn >= 0; --turn) {
      set_logits(turn);
      logits_at_.insert(logits_at_.begin(), memory.upload(logits_));
    }
    route_.top_k = s_.top_k;
    const auto ints = [&](std::int64_t count) { return memory.output(DType::i32, 1, count).as<std::int32_t>(); };
    route_.weights = memory.output(DType::f32, 1, rows).as<float>();
    route_.experts = ints(rows), route_.order = ints(rows), route_.position = ints(rows),
    route_.offsets = ints(s_.experts + 1);
    gate_up_ = memory.output(act_, rows, 2 * s_.intermediate);
    inner_ = memory.output(act_, rows, s_.intermediate);
    expert_out_ = memory.output(act_, rows, s_.hidden);
    out_ = memory.output(act_, s_.tokens, s_.hidden);
  }

  void run(Backend& backend, int copy) override {
    const std::int64_t rows = s_.tokens * s_.top_k;
    route_.logits = {logits_at_[static_cast<std::size_t>(copy % turns_)], DType::f32, s_.tokens, s_.experts,
                     s_.experts};
    const std::int32_t first = copy / turns_ * s_.experts;
    backend.moe_route(route_);
    backend.grouped_matmul(
        {x_, route_.order, s_.top_k, route_.offsets, up_.data() + first, s_.experts, rows, gate_up_});
    backend.swiglu({gate_up_, inner_});
    backend.grouped_matmul({inner_, nullptr, 1, route_.offsets, down_.data() + first, s_.experts, rows, expert_out_});
    backend.moe_combine({expert_out_, route_.weights, route_.position, s_.top_k, false, out_});
  }
  std::vector<Tensor> outputs() const override { return {out_, expert_out_, inner_, gate_up_}; }

  /// Four stored results: gate and up, inner, the experts' outputs, the weighted sum. Each is compared with the
  /// reference on the stored ones before it, so that every grouped product's rows and permutation are checked apart.
  double check(Backend& backend, std::int64_t samples) override {
    const HostMatrix gate_up = download(backend, gate_up_), inner = download(backend, inner_),
                     expert_out = download(backend, expert_out_), out = download(backend, out_);
    const reference::Route route = host_route();
    Worst worst;
    check_product({x_host_.view, route.order.data(), s_.top_k, route.offsets.data(), up_host_.views.data(), s_.experts,
                   gate_up.view.rows, gate_up.view},
                  samples, worst);
    for (const std::int64_t o : spread(inner.view.rows * s_.intermediate, samples)) {
      const std::int64_t r = o / s_.intermediate, i = o % s_.intermediate;
      const double want =
          reference::swiglu(reference::at(gate_up.view, r, i), reference::at(gate_up.view, r, i + s_.intermediate));
      worst.see(reference::at(inner.view, r, i), want, (1.01 * unit(act_) + 0x1p-18) * std::fabs(want) + 1e-30);
    }
    check_product({inner.view, nullptr, 1, route.offsets.data(), down_host_.views.data(), s_.experts,
                   expert_out.view.rows, expert_out.view},
                  samples, worst);
    const std::vector<float> weights(route.weights.begin(), route.weights.end());
    const MoeCombineArgs combine{expert_out.view, weights.data(), route.position.data(), s_.top_k, false, {}};
    for (const std::int64_t o : spread(s_.tokens * s_.hidden, samples)) {
      const reference::Sum want = reference::moe_combine(combine, o / s_.hidden, o % s_.hidden);
      worst.see(reference::at(out.view, o / s_.hidden, o % s_.hidden), want.value,
                0x1p-18 * std::sqrt(want.squares) + unit(act_) * std::fabs(want.value) + 1e-30);
    }
    return worst.ratio;
  }

 private:
  reference::Route host_route() const {
    MoeRouteArgs host = route_;
    host.top_k = s_.top_k;
    host.logits = {const_cast<float*>(logits_.data()), DType::f32, s_.tokens, s_.experts, s_.experts};
    return reference::moe_route(host);
  }

  /// Balanced: the k preferred experts rotate; noise below the gap keeps every logit different. A turn moves every
  /// choice on by the experts that the turns before it used.
  void set_logits(int turn) {
    logits_.resize(static_cast<std::size_t>(s_.tokens * s_.experts));
    const std::uint64_t key = weight_key(1, "router");
    for (std::int64_t t = 0; t < s_.tokens; ++t)
      for (std::int32_t e = 0; e < s_.experts; ++e) {
        const std::int64_t shifted = (e + static_cast<std::int64_t>(turn) * (s_.experts - touched_)) % s_.experts;
        const std::int64_t place = (shifted - t * s_.top_k % s_.experts + s_.experts) % s_.experts;
        const float liked = s_.skewed ? -std::log(static_cast<float>(shifted + 1)) : (place < s_.top_k ? 3.0f : 0.0f);
        const auto noise = static_cast<std::uint64_t>(t * s_.experts + shifted);
        logits_[static_cast<std::size_t>(t * s_.experts + e)] =
            liked + random_weight(key, noise, s_.skewed ? 1.0f : 0.2f);
      }
  }

  void check_product(const GroupedMatmulArgs& host, std::int64_t samples, Worst& worst) const {
    const bool expanded = act_ == DType::bf16 && s_.weights != DType::bf16;
    for (const std::int64_t o : spread(host.y.rows * host.y.cols, samples)) {
      const reference::Sum want = reference::grouped_matmul(host, o / host.y.cols, o % host.y.cols);
      const double deviation = std::hypot(summing_deviation(static_cast<double>(host.experts[0].k), want.squares),
                                          expanded ? rounding_deviation(DType::bf16) * std::sqrt(want.squares) : 0.0);
      worst.see(reference::at(host.y, o / host.y.cols, o % host.y.cols), want.value,
                kSpread * deviation + unit(act_) * std::fabs(want.value) + 1e-30);
    }
  }

  DType act_;
  MoeShape s_;
  int touched_ = 0, turns_ = 1;
  std::vector<float> logits_;
  std::vector<float*> logits_at_;
  HostMatrix x_host_;
  HostWeights up_host_, down_host_;
  std::vector<Weight> up_, down_;
  MoeRouteArgs route_;
  Tensor x_, gate_up_, inner_, expert_out_, out_;
};

}  // namespace

std::unique_ptr<OpCase> moe_case(DType act, const MoeShape& shape) { return std::make_unique<MoeCase>(act, shape); }

}  // namespace tokenfab::kernels
