#include "scenarios/balance.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "hwmodels/decode_sums.h"

namespace tokenfab {
namespace {

constexpr std::int64_t kLookAt = 10'000;

std::int64_t whole(double tokens) { return std::max<std::int64_t>(1, std::llround(tokens)); }

/// Sequences of so many tokens that the cache holds.
std::int64_t sequences_that_fit(const PoolSpec& pool, std::int64_t tokens) {
  const BatcherSpec& b = pool.batcher;
  const KvBlocks kv(b.kv_blocks, b.kv_block_tokens, b.watermark_blocks, 1, b.window);
  const std::int64_t most = (kv.total() - kv.watermark()) / kv.blocks_for(tokens + b.pace.lookahead);
  return std::clamp<std::int64_t>(most, 1, b.max_sequences);
}

double decode_seconds(const StepModel& model, std::int64_t sequences, std::int64_t context) {
  return model.evaluate(decode_sums(model.deployment(), sequences, context)).total();
}

double tokens_per_sequence(const StepModel& model, std::int64_t sequences) {
  return static_cast<double>(model.pace(sequences)) / model.deployment().kv_quanta();
}

}  // namespace

MeanLengths mean_lengths(const WorkloadPlan& workload, std::uint64_t seed) {
  const OpenWorkload open = workload.open(seed, 0);
  MeanLengths out;
  RequestBatch batch;
  while (out.requests < kLookAt) {
    open.source->read(batch, static_cast<std::size_t>(kLookAt - out.requests));
    if (batch.requests.empty()) break;
    out.requests += static_cast<std::int64_t>(batch.requests.size());
    for (const Request& r : batch.requests) out.input += r.input_tokens, out.output += r.output_tokens;
  }
  if (out.requests == 0) throw UserError("the workload has no requests");
  out.input /= static_cast<double>(out.requests);
  out.output /= static_cast<double>(out.requests);
  return out;
}

PhaseCapacity prefill_capacity(const PoolSpec& pool, const MeanLengths& mean) {
  const std::int64_t prompt = whole(mean.input), budget = pool.batcher.token_budget;
  const std::int64_t window = pool.batcher.window.tokens;
  PhaseCapacity out;
  out.sequences = std::clamp<std::int64_t>(budget / prompt, 1, sequences_that_fit(pool, prompt));
  if (prompt <= budget) {
    StepSums sums;
    for (std::int64_t i = 0; i < out.sequences; ++i) sums.add_chunk(0, prompt, true, window);
    out.step_s = pool.model->evaluate(sums).total();
  }
  for (std::int64_t done = 0; prompt > budget && done < prompt; done += budget) {
    StepSums sums;
    const std::int64_t tokens = std::min(budget, prompt - done);
    sums.add_chunk(done, tokens, done + tokens == prompt, window);
    out.step_s += pool.model->evaluate(sums).total();
  }
  out.requests_per_s = static_cast<double>(out.sequences) / out.step_s;
  out.tokens_per_s = out.requests_per_s * static_cast<double>(prompt);
  return out;
}

PhaseCapacity decode_capacity(const PoolSpec& pool, const MeanLengths& mean, double tpot_s) {
  const StepModel& model = *pool.model;
  const std::int64_t context = whole(mean.input + mean.output / 2);
  const auto tpot = [&](std::int64_t n) { return decode_seconds(model, n, context) / tokens_per_sequence(model, n); };
  std::int64_t low = 1, high = sequences_that_fit(pool, context);
  if (tpot_s <= 0 || tpot(high) <= tpot_s) low = high;
  while (high - low > 1) {  // low meets the objective, or is 1
    const std::int64_t middle = low + (high - low) / 2;
    (tpot(middle) <= tpot_s ? low : high) = middle;
  }
  PhaseCapacity out;
  out.sequences = low;
  out.step_s = decode_seconds(model, low, context);
  out.tokens_per_s = static_cast<double>(low) / tpot(low);
  out.requests_per_s = out.tokens_per_s / std::max(1.0, mean.output - 1);
  return out;
}

}  // namespace tokenfab
