// Does the model fit, and how much KV cache is left: the memory side of StepModel.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "hwmodels/dtype.h"
#include "hwmodels/step_model.h"
#include "hwmodels/topology.h"

namespace tokenfab {
namespace {

std::string bytes_text(double bytes) {
  return bytes < 1e9 ? fmt::format("{:.1f} MB", bytes / 1e6) : fmt::format("{:.1f} GB", bytes / 1e9);
}

}  // namespace

void StepModel::check_plan() const {
  const Llm& m = d_.llm;
  const int tp = d_.tensor_parallel, pp = d_.pipeline_parallel;
  const std::string where = fmt::format("{} with tensor_parallel {} and pipeline_parallel {}", m.id, tp, pp);
  if (m.heads % tp != 0) throw UserError(fmt::format("{}: {} attention heads do not divide by {}", where, m.heads, tp));
  if (!m.mla && m.kv_heads % tp != 0 && tp % m.kv_heads != 0)
    throw UserError(fmt::format("{}: {} KV heads neither divide by {} nor divide it", where, m.kv_heads, tp));
  if (pp > m.layers && !is_sram()) throw UserError(fmt::format("{}: only {} layers to place", where, m.layers));
  check_experts(where);
  if (!d_.faults.broken.empty()) Topology(d_.chip, d_.chips(), d_.faults);  // refuses parts that are not there
  if (!d_.chip.peak.count(name_of(d_.activations)))
    throw UserError(
        fmt::format("{} has no {} matrix peak; allowed activations: {}", d_.chip.id, name_of(d_.activations), [&] {
          std::vector<std::string> names;
          for (const auto& [name, peak] : d_.chip.peak) names.push_back(name);
          return join_names(names);
        }()));
}

void StepModel::check_experts(const std::string& where) const {
  const int chips = static_cast<int>(expert_chips());
  if (d_.expert_parallel && (!d_.llm.moe || (d_.llm.moe->experts + d_.routing.redundant) % chips != 0))
    throw UserError(
        fmt::format("{}: expert_parallel needs routed experts whose number, redundant ones included, "
                    "divides by tensor_parallel x data_parallel = {}",
                    where, chips));
  if (d_.data_parallel > 1 && !d_.expert_parallel)
    throw UserError(where + ": data_parallel within a replica needs expert_parallel; else write more replicas");
  if (d_.overlap > 0 && !d_.expert_parallel)
    throw UserError(where + ": overlap hides the all-to-all of expert_parallel");
}

/// Stages of an SRAM pipeline may share a layer; others hold whole layers, the fullest stage one more.
double StepModel::stage_share() const {
  const double pp = d_.pipeline_parallel;
  return is_sram() ? 1 / pp : std::ceil(d_.llm.layers / pp) / d_.llm.layers;
}

double StepModel::table_bytes() const { return is_sram() ? dtype_bytes(d_.weights) : 2; }

double StepModel::weight_bytes_per_chip() const {
  const Llm& m = d_.llm;
  const double tp = d_.tensor_parallel, pp = d_.pipeline_parallel, each = dtype_bytes(d_.weights);
  const double tables = (count_.embedding + count_.lm_head) * table_bytes();
  const double moe_layers = m.moe ? m.layers - m.moe->first_dense_layers : 0;
  const double experts = m.moe ? moe_layers * count_.expert * m.moe->experts * each : 0;
  const double body = (count_.total - count_.embedding - count_.lm_head) * each - experts;
  const double copies =
      m.moe && d_.expert_parallel ? 1.0 + static_cast<double>(d_.routing.redundant) / m.moe->experts : 1;
  const double tables_here = is_sram() ? tables / pp : pp > 1 ? tables / 2 : tables;
  return (body * stage_share() + tables_here) / tp + experts * copies * stage_share() / expert_chips();
}

void StepModel::plan_memory() {
  const Llm& m = d_.llm;
  const double tp = d_.tensor_parallel, pp = d_.pipeline_parallel;
  matrix_peak_ = d_.chip.peak.at(name_of(d_.activations)).value;

  MemoryPlan& p = memory_;
  p.chip_bytes = d_.chip.memory.value;
  p.usable_bytes = p.chip_bytes * d_.memory_share;
  if (drafter_) {
    p.draft_weight_bytes = drafter_->memory().weight_bytes;
    p.draft_kv_bytes_per_token = drafter_->memory().kv_bytes_per_token;
  }
  p.weight_bytes = weight_bytes_per_chip() + p.draft_weight_bytes;
  // Live at once in a step: hidden states and one layer's widest activation for every token, and fp32 logits. Stages of
  // an SRAM pipeline hold one token's.
  const double widest = std::max<double>(m.ffn, m.moe ? m.moe->top_k * m.moe->expert_ffn : 0);
  const double tokens = is_sram() ? 1 : static_cast<double>(d_.token_budget) / ranks();
  const double rows = is_sram() ? 1 / pp : static_cast<double>(d_.max_sequences) / ranks();
  p.workspace_bytes =
      d_.engine.reserved_memory.value + tokens * 2 * (4.0 * m.hidden + 3.0 * widest / tp) + rows * 4 * m.vocab / tp;
  // Weights that do not fit go to a backing memory, if there is one, and leave an eighth of the memory to the cache.
  const double room = 0.875 * (p.usable_bytes - p.workspace_bytes);
  if (d_.chip.backing && p.weight_bytes > room)
    p.backing_bytes = std::min(p.weight_bytes - room, d_.chip.backing->memory.value);
  p.kv_bytes = p.usable_bytes - (p.weight_bytes - p.backing_bytes) - p.workspace_bytes;
  const double kv_split = m.mla ? 1 : std::min<double>(tp, m.kv_heads);  // MLA's latent is replicated
  p.kv_bytes_per_token = kv_elements_per_token_layer(m) / kv_split * dtype_bytes(d_.kv) * m.layers / pp;
  if (m.window) p.full_pages = static_cast<int>(full_units_), p.window_pages = static_cast<int>(window_units_);
  const double page_bytes =
      (p.kv_bytes_per_token * stage_share() * pp + p.draft_kv_bytes_per_token) * d_.kv_block_tokens;
  p.kv_blocks =
      static_cast<std::int64_t>(ranks()) *
      static_cast<std::int64_t>(std::floor(std::max(0.0, p.kv_bytes) / page_bytes * (p.full_pages + p.window_pages)));
  if (p.kv_bytes > 0 && p.kv_blocks > 0) return;
  refuse_plan();
}

/// Throws Infeasible with the arithmetic.
void StepModel::refuse_plan() const {
  const MemoryPlan& p = memory_;
  const double tables = (count_.embedding + count_.lm_head) * table_bytes();
  const double all = (count_.total - count_.embedding - count_.lm_head) * dtype_bytes(d_.weights) + tables;
  const int chips = d_.chips();
  throw Infeasible(fmt::format(
      "{} in {} does not fit {} {} (tensor_parallel {} x pipeline_parallel {}{}): weights {} / {} = {} per chip + "
      "workspace {} = {} > {} = {:.2f} x {} of chip memory; {} such chips hold {}, weights alone need at least {:.0f} "
      "of them",
      d_.llm.id, name_of(d_.weights), chips, d_.chip.id, d_.tensor_parallel, d_.pipeline_parallel,
      d_.data_parallel > 1 ? fmt::format(" x data_parallel {}", d_.data_parallel) : "", bytes_text(all), chips,
      bytes_text(p.weight_bytes), bytes_text(p.workspace_bytes), bytes_text(p.weight_bytes + p.workspace_bytes),
      bytes_text(p.usable_bytes), d_.memory_share, bytes_text(p.chip_bytes), chips, bytes_text(p.chip_bytes * chips),
      std::ceil(all / p.chip_bytes)));
}

}  // namespace tokenfab
