#include "sim/fleet/usage.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "hwmodels/dtype.h"
#include "hwmodels/op_work.h"
#include "hwmodels/trust.h"
#include "sim/serving/simulated_executor.h"

namespace tokenfab {
namespace {

void describe(const PoolSpec& pool, PoolUsage& u, int replicas) {
  u.name = pool.name;
  u.replicas = replicas;
  u.role = kPoolRoleNames[static_cast<std::size_t>(pool.role)];
  u.kv_blocks = pool.batcher.kv_blocks;
  u.kv_block_tokens = pool.batcher.kv_block_tokens;
  if (!pool.model) return;
  const Deployment& d = pool.model->deployment();
  u.llm = d.llm.id;
  u.chip = d.chip.id;
  u.engine = d.engine.id;
  u.weights = name_of(d.weights);
  u.kv = name_of(d.kv);
  u.tensor_parallel = d.tensor_parallel;
  u.pipeline_parallel = d.pipeline_parallel;
  u.chips = d.chips() * replicas;
  u.peak_flops = pool.model->matrix_peak();
  u.peak_bandwidth = d.chip.bandwidth.value;
  u.active_parameters = count_parameters(d.llm).active;
  u.active_weight_bytes = u.active_parameters * dtype_bytes(d.weights);
  const Trust t = trust_of(d);
  u.trust = {kGradeNames[static_cast<std::size_t>(t.grade)], t.calibration, t.typical, t.band, t.bias, t.basis};
}

void fold_prefix_cache(const PoolSpec& pool, const Batcher& batcher, PoolUsage& u) {
  if (!pool.batcher.prefix_cache) return;
  const Batcher::PrefixUse& use = batcher.prefix_use();
  u.prompt_tokens_looked_up += use.looked_up;
  u.prefix_cache.resize(use.hit_tokens.size());
  for (std::size_t level = 0; level < use.hit_tokens.size(); ++level) {
    CacheLevelUsage& out = u.prefix_cache[level];
    out.level = level == 0 ? "hbm" : batcher.tiers().spec(level - 1).name;
    out.hit_tokens += use.hit_tokens[level];
    if (level == 0) continue;
    out.read_bytes += static_cast<double>(use.read_blocks[level]) * pool.prefix_block_bytes;
    out.written_bytes += static_cast<double>(batcher.tiers().written(level - 1)) * pool.prefix_block_bytes;
  }
}

void fold_account(const PoolSpec& pool, const SimulatedExecutor::Account& a, PoolUsage& u) {
  const Deployment& d = pool.model->deployment();
  const double chips_each = d.chips();
  double watts_seconds = 0;
  for (std::size_t phase = 0; phase < 2; ++phase)
    for (std::size_t c = 0; c < kOpClasses; ++c)
      for (std::size_t b = 0; b < kBounds; ++b) {
        const double seconds = a.seconds[phase][c][b];
        if (seconds <= 0) continue;
        u.step_time.push_back({kOpClassNames[c], kBoundNames[b], phase == 0 ? "prefill" : "decode", seconds});
        watts_seconds += seconds * pool.model->dynamic_watts(static_cast<Bound>(b));
      }
  if (a.transfer > 0) {
    const double seconds = seconds_from_ticks(a.transfer);
    const auto network = static_cast<std::size_t>(Bound::network);
    u.step_time.push_back({"cache_read", kBoundNames[network], "prefill", seconds});
    watts_seconds += seconds * pool.model->dynamic_watts(Bound::network);
  }
  u.prefill_busy_seconds = a.phase_seconds(0);
  u.decode_busy_seconds = a.phase_seconds(1);
  const double busy = seconds_from_ticks(a.busy);
  require(std::fabs(u.prefill_busy_seconds + u.decode_busy_seconds - busy) <= 1e-9 * std::max(busy, 1e-6),
          "operator seconds add up to busy seconds");
  // The last step ends inside the nanosecond in which the run ends: no more than was paid for.
  u.busy_chip_seconds = std::min(busy * chips_each, u.paid_chip_seconds);
  u.dynamic_energy_j = watts_seconds;
  u.idle_energy_j = u.paid_chip_seconds * (d.chip.idle_power.value + d.chip.host_power.value);
  u.steps = a.steps;
  u.flop = a.flop;
  u.hbm_bytes = a.bytes;
  u.transfer_seconds = seconds_from_ticks(a.swaps_and_loads);
}

}  // namespace

PoolUsage pool_usage(const PoolSpec& pool, const std::vector<const Replica*>& replicas, double makespan_s,
                     const std::optional<PaidTime>& paid) {
  PoolUsage u;
  describe(pool, u, paid ? paid->most : pool.replicas);
  const double each = pool.model ? pool.model->deployment().chips() : 1;
  u.paid_chip_seconds = paid ? each * static_cast<double>(paid->paid_ns) * 1e-9 : u.chips * makespan_s;
  SimulatedExecutor::Account account;
  Reach reach;
  Ticks busy = 0;
  for (const Replica* r : replicas) {
    u.input_tokens += r->served().input_tokens;
    u.cached_tokens += r->served().cached_tokens;
    u.output_tokens += r->served().output_tokens;
    u.transferred_bytes += r->served().transferred_bytes;
    u.recomputed_tokens += r->batcher().recomputed_tokens() + r->served().lost_tokens;
    u.preemptions += r->batcher().preemptions();
    u.swapped_blocks += r->batcher().swapped_blocks();
    u.variant_loads += r->batcher().variant_loads();
    u.peak_kv_blocks = std::max(u.peak_kv_blocks, r->batcher().kv().peak_used());
    fold_prefix_cache(pool, r->batcher(), u);
    busy += r->busy();
    if (const auto* simulated = dynamic_cast<const SimulatedExecutor*>(&r->executor())) {
      account.add(simulated->account());
      reach.add(simulated->reach());
    }
  }
  u.max_sequences = pool.batcher.max_sequences;
  u.most_sequences = reach.sequences;
  u.most_context = reach.context;
  u.most_tokens = reach.tokens;
  if (!pool.model || pool.executor) {
    u.busy_chip_seconds = seconds_from_ticks(busy) * (paid ? each : static_cast<double>(u.chips) / pool.replicas);
    return u;
  }
  require(account.busy == busy, "ticks accounted by operator = ticks busy");
  fold_account(pool, account, u);
  return u;
}

}  // namespace tokenfab
