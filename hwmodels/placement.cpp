// Does the model fit, and how much KV cache is left: the memory side of StepModel.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "hwmodels/step_model.h"

namespace tokenfab {
namespace {

std::string gb(double bytes) { return fmt::format("{:.1f} GB", bytes / 1e9); }

std::string dtype_name(Dtype t) { return kDtypeNames[static_cast<std::size_t>(t)]; }

}  // namespace

void StepModel::check_plan() const {
  const Llm& m = d_.llm;
  const int tp = d_.tensor_parallel, pp = d_.pipeline_parallel;
  const std::string where = fmt::format("{} with tensor_parallel {} and pipeline_parallel {}", m.id, tp, pp);
  if (m.heads % tp != 0) throw UserError(fmt::format("{}: {} attention heads do not divide by {}", where, m.heads, tp));
  if (!m.mla && m.kv_heads % tp != 0 && tp % m.kv_heads != 0)
    throw UserError(fmt::format("{}: {} KV heads neither divide by {} nor divide it", where, m.kv_heads, tp));
  if (pp > m.layers) throw UserError(fmt::format("{}: only {} layers to place", where, m.layers));
  if (d_.expert_parallel && (!m.moe || m.moe->experts % tp != 0))
    throw UserError(where + ": expert_parallel needs routed experts whose number divides by tensor_parallel");
  if (!d_.chip.peak.count(dtype_name(d_.activations)))
    throw UserError(
        fmt::format("{} has no {} matrix peak; allowed activations: {}", d_.chip.id, dtype_name(d_.activations), [&] {
          std::vector<std::string> names;
          for (const auto& [name, peak] : d_.chip.peak) names.push_back(name);
          return join_names(names);
        }()));
}

void StepModel::plan_memory() {
  const Llm& m = d_.llm;
  const double tp = d_.tensor_parallel, pp = d_.pipeline_parallel;
  matrix_peak_ = d_.chip.peak.at(dtype_name(d_.activations)).value;

  const double tables = (count_.embedding + count_.lm_head) * 2;  // kept in bf16
  const double body = (count_.total - count_.embedding - count_.lm_head) * dtype_bytes(d_.weights);
  const double stage_layers = std::ceil(m.layers / pp);
  MemoryPlan& p = memory_;
  p.chip_bytes = d_.chip.memory.value;
  p.usable_bytes = p.chip_bytes * d_.memory_share;
  p.weight_bytes = (body * stage_layers / m.layers + (pp > 1 ? tables / 2 : tables)) / tp;
  // Live at once in a step: hidden states and one layer's widest activation for every token, and fp32 logits.
  const double widest = std::max<double>(m.ffn, m.moe ? m.moe->top_k * m.moe->expert_ffn : 0);
  p.workspace_bytes = d_.engine.reserved_memory.value +
                      static_cast<double>(d_.token_budget) * 2 * (4.0 * m.hidden + 3.0 * widest / tp) +
                      static_cast<double>(d_.max_sequences) * 4 * m.vocab / tp;
  p.kv_bytes = p.usable_bytes - p.weight_bytes - p.workspace_bytes;
  const double kv_split = m.mla ? 1 : std::min<double>(tp, m.kv_heads);  // MLA's latent is replicated
  p.kv_bytes_per_token = kv_elements_per_token_layer(m) / kv_split * dtype_bytes(d_.kv) * m.layers / pp;
  p.kv_blocks = static_cast<std::int64_t>(
      std::floor(std::max(0.0, p.kv_bytes) /
                 (p.kv_bytes_per_token * std::ceil(m.layers / pp) * pp / m.layers * d_.kv_block_tokens)));
  if (p.kv_bytes > 0 && p.kv_blocks > 0) return;

  const double all = body + tables;
  const double room = p.usable_bytes - d_.engine.reserved_memory.value;
  std::string advice =
      fmt::format("weights alone need at least {:.0f} such chips", std::ceil(all / std::max(room, 1.0)));
  throw Infeasible(fmt::format(
      "{} in {} does not fit {} {} (tensor_parallel {} x pipeline_parallel {}): weights {} / {} = {} per chip + "
      "workspace {} = {} > {} = {:.2f} x {} of chip memory; {}",
      m.id, dtype_name(d_.weights), d_.tensor_parallel * d_.pipeline_parallel, d_.chip.id, d_.tensor_parallel,
      d_.pipeline_parallel, gb(all), d_.tensor_parallel * d_.pipeline_parallel, gb(p.weight_bytes),
      gb(p.workspace_bytes), gb(p.weight_bytes + p.workspace_bytes), gb(p.usable_bytes), d_.memory_share,
      gb(p.chip_bytes), advice));
}

}  // namespace tokenfab
