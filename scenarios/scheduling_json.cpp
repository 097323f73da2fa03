#include "scenarios/scheduling_json.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace tokenfab {
namespace {

constexpr double kGiga = 1e9, kMega = 1e6;
constexpr double kHostLink = 50;  // GB/s
constexpr const char* kHostLinkWhy = "PCIe 5.0 x16 to the host, 64 GB/s less overheads: assumption";

double host_gbs(const JsonObject& o, const std::string& key, std::vector<Assumption>& assumptions) {
  if (!o.has(key)) assumptions.push_back({o.pointer() + "/" + key, shortest(kHostLink), kHostLinkWhy});
  return o.number_in(key, 1e-3, 1e5, kHostLink) * kGiga;
}

/// Whole models that take turns on the chips: one is resident, the others lie behind.
void read_models(const JsonObject& v, const Chip& chip, ResidentVariants& out, TransferPlan& plan,
                 std::vector<Assumption>& assumptions) {
  for (const char* key : {"megabytes", "slots"})
    if (v.has(key)) v.fail(key, "is of adapters; \"exclusive\" variants are whole models, one resident at a time");
  out.slots = 1;
  if (chip.backing && !v.has("bandwidth_gbs")) {
    plan.variant_bandwidth = chip.backing->bandwidth.value;
    assumptions.push_back({v.pointer() + "/bandwidth_gbs", shortest(plan.variant_bandwidth / kGiga),
                           "the chip's backing memory: " + chip.backing->bandwidth.source});
  } else {
    plan.variant_bandwidth = host_gbs(v, "bandwidth_gbs", assumptions);
  }
}

void read_variants(const JsonObject& v, const Chip& chip, ResidentVariants& out, TransferPlan& plan,
                   std::vector<Assumption>& assumptions) {
  out.count = static_cast<std::int32_t>(v.integer("count", 1, 65536));
  if (v.boolean("exclusive", false)) return read_models(v, chip, out, plan, assumptions);
  plan.variant_bytes = v.number_in("megabytes", 1e-3, 1e6) * kMega;
  out.slots = static_cast<std::int32_t>(v.integer("slots", 1, 65536));
  plan.variant_bandwidth = host_gbs(v, "bandwidth_gbs", assumptions);
}

/// Of one chip, for a block of its share of the layers.
double block_bytes(const StepModel& model) {
  const MemoryPlan& m = model.memory();
  return m.kv_bytes * model.deployment().data_parallel / static_cast<double>(m.kv_blocks);
}

void fit_models(const std::string& where, const TransferPlan& plan, const StepModel& model, PoolSpec& spec) {
  const MemoryPlan& m = model.memory();
  const Deployment& d = model.deployment();
  const double all = m.weight_bytes * spec.batcher.scheduling.variants.count;
  if (d.chip.backing && all > d.chip.backing->memory.value)
    throw Infeasible(fmt::format("{}{} variants of {:.1f} GB per chip = {:.1f} GB > {:.1f} GB of backing memory", where,
                                 spec.batcher.scheduling.variants.count, m.weight_bytes / kGiga, all / kGiga,
                                 d.chip.backing->memory.value / kGiga));
  spec.transfer_costs.seconds_per_load = (m.weight_bytes - m.backing_bytes) / plan.variant_bandwidth;
}

void fit_adapters(const std::string& where, const TransferPlan& plan, const StepModel& model, PoolSpec& spec) {
  const double each = plan.variant_bytes / model.deployment().chips();
  const ResidentVariants& v = spec.batcher.scheduling.variants;
  spec.transfer_costs.seconds_per_load = each / plan.variant_bandwidth;
  const double taken = each * std::min(v.slots, v.count);
  const auto blocks = static_cast<std::int64_t>(std::ceil(taken / block_bytes(model)));
  if (blocks * model.deployment().data_parallel >= spec.batcher.kv_blocks)
    throw Infeasible(fmt::format("{}{} resident adapters take {:.1f} GB per chip, all of the KV cache ({:.1f} GB)",
                                 where, std::min(v.slots, v.count), taken / kGiga, model.memory().kv_bytes / kGiga));
  spec.batcher.kv_blocks -= blocks * model.deployment().data_parallel;
}

}  // namespace

Scheduling read_scheduling(const JsonObject& batcher) {
  const std::vector<std::string> orders(kQueueOrderNames.begin(), kQueueOrderNames.end());
  const std::string order = batcher.one_of("queue", orders, orders.front());
  Scheduling s;
  s.queue = static_cast<QueueOrder>(std::find(orders.begin(), orders.end(), order) - orders.begin());
  s.prediction_error = batcher.number_in("prediction_error", 0, 10, 0);
  s.ageing_tokens_per_s = batcher.number_in("ageing_tokens_per_s", 0, 1e9, 0);
  s.preempt = batcher.boolean("preempt", false);
  s.batch_share = batcher.number_in("batch_share", 0.001, 1, 1);
  s.mixed_budget = batcher.integer("mixed_budget", 1, 10'000'000, 0);
  s.max_step_s = batcher.number_in("max_step_s", 1e-6, 3600, 0);
  s.swap = batcher.one_of("preemption", {"recompute", "swap"}, "recompute") == "swap";
  return s;
}

TransferPlan read_transfers(const JsonObject& pool, const Chip& chip, Scheduling& scheduling,
                            std::vector<Assumption>& assumptions) {
  TransferPlan plan;
  if (scheduling.swap) plan.swap_bandwidth = host_gbs(pool, "swap_bandwidth_gbs", assumptions);
  else if (pool.has("swap_bandwidth_gbs"))
    pool.fail("swap_bandwidth_gbs", "is of \"preemption\": \"swap\" in \"batcher\"");
  if (!pool.has("variants")) return plan;
  const JsonObject v = pool.object("variants");
  read_variants(v, chip, scheduling.variants, plan, assumptions);
  v.finish();
  return plan;
}

void fit_transfers(const JsonObject& pool, const TransferPlan& plan, const StepModel& model, PoolSpec& spec) {
  const Scheduling& s = spec.batcher.scheduling;
  const std::string where = pool.file() + ": " + pool.pointer() + "/variants: ";
  if (s.swap) spec.transfer_costs.seconds_per_block = block_bytes(model) / plan.swap_bandwidth;
  if (s.variants.count > 0) (plan.variant_bytes > 0 ? fit_adapters : fit_models)(where, plan, model, spec);
  try {
    Batcher::make(spec.batcher);
  } catch (const UserError& e) {
    pool.fail("batcher", e.what());
  }
}

}  // namespace tokenfab
