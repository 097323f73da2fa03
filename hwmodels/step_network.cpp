// Collectives of a StepModel, and the routed experts that they feed.
#include <algorithm>
#include <cmath>

#include "hwmodels/collectives.h"
#include "hwmodels/step_model.h"

namespace tokenfab {
namespace {

constexpr double kActivationBytes = 2;

std::size_t at(OpClass c) { return static_cast<std::size_t>(c); }

/// Of the copies that a token sends to other servers under uniform routing, those that remain where each server gets
/// one and spreads it among its chips (DeepEP, github:deepseek-ai/DeepEP README): expected servers over copies.
double one_copy_per_server(double top_k, double servers) {
  if (servers <= 1) return 1;
  return servers * (1 - std::pow(1 - 1 / servers, top_k)) / top_k;
}

}  // namespace

/// Expert-parallel chips hold whole experts and work on the rows of these; the busiest decides.
void StepModel::build_experts(const Shape& s) {
  const MoeShape& m = *d_.llm.moe;
  const double k = m.top_k, experts = m.experts, ep = d_.expert_parallel ? expert_chips() : 1;
  experts_.emplace(m, d_.routing, static_cast<int>(ep));
  const double held = experts + (d_.expert_parallel ? d_.routing.redundant : 0);
  TokenOp& e = ops_[at(OpClass::expert_gemm)];
  e = gemm(OpClass::expert_gemm, count_.expert * held * s.moe_layers / expert_chips(), s.moe_layers, 0,
           dtype_bytes(d_.weights));
  e.flop *= k / held * experts_->imbalance();  // each token does the work of k experts
  const ExpertShape shape{static_cast<double>(d_.llm.hidden), m.expert_ffn * ep / expert_chips()};
  const double copied = copies_all_rows() ? k : k / ep * experts_->imbalance();
  e.copy = copied * expert_row_bytes(shape) * s.moe_layers / d_.chip.bandwidth.value;
}

/// Dispatch and combine: each chip holds its part of the tokens and sends each to k experts; FP8 products are
/// dispatched in FP8 and combined in 16 bits.
void StepModel::build_all_to_all(const Shape& s) {
  const OpEfficiency& e = efficiency(OpClass::all_to_all);
  const int chips = static_cast<int>(expert_chips());
  const CollectiveCost cost = all_to_all_cost(d_.chip, chips, d_.faults);
  const double servers = std::ceil(static_cast<double>(chips) / std::max(1, d_.chip.scale_up_domain));
  const double k = d_.llm.moe->top_k;
  const double element = d_.data_parallel > 1 && d_.activations == Dtype::fp8 ? 1.5 : kActivationBytes;
  const double bytes = k * one_copy_per_server(k, servers) * d_.llm.hidden * element / chips;
  ops_[at(OpClass::all_to_all)] = {
      0, 2 * s.moe_layers * bytes * experts_->imbalance() * cost.seconds_per_byte / e.bandwidth.value, 0,
      2 * s.moe_layers * (e.floor.value + cost.latency)};
}

void StepModel::build_network_ops(const Shape& s) {
  const Llm& m = d_.llm;
  const double tp = d_.tensor_parallel, pp = d_.pipeline_parallel;
  if (d_.tensor_parallel > 1) {
    const OpEfficiency& e = efficiency(OpClass::all_reduce);
    const CollectiveCost cost = all_reduce_cost(d_.chip, d_.tensor_parallel, d_.faults);
    const double calls = d_.expert_parallel ? s.layers + s.dense_layers : 2 * s.layers;
    ops_[at(OpClass::all_reduce)] = {0, calls * m.hidden * kActivationBytes * cost.seconds_per_byte / e.bandwidth.value,
                                     0, calls * (e.floor.value + cost.latency)};
  }
  if (d_.expert_parallel && expert_chips() > 1) build_all_to_all(s);
  if (d_.pipeline_parallel > 1) {
    const OpEfficiency& e = efficiency(OpClass::send);
    const CollectiveCost cost =
        pipeline_cost(d_.chip, d_.tensor_parallel * d_.data_parallel, d_.pipeline_parallel, d_.faults);
    ops_[at(OpClass::send)] = {0, pp * m.hidden * kActivationBytes / tp * cost.seconds_per_byte / e.bandwidth.value, 0,
                               pp * (e.floor.value + cost.latency)};
  }
}

/// Two half-batches: while one waits for the network, the other computes. What is hidden is limited by the work beside
/// it that does not depend on the context.
void StepModel::hide_all_to_all(StepSeconds& out) const {
  if (d_.overlap <= 0) return;
  const std::size_t network = at(OpClass::all_to_all), decode = at(OpClass::decode_attention);
  double other = 0;
  for (std::size_t c = 0; c < kOpClasses; ++c)
    if (c != network && c != at(OpClass::host)) other += (c == decode ? 0 : out.work[c]) + out.floor[c];
  const double all = out.work[network] + out.floor[network];
  if (all <= 0) return;
  const double shown = std::max(all * (1 - d_.overlap), all - other) / all;
  out.work[network] *= shown;
  out.floor[network] *= shown;
}

}  // namespace tokenfab
