#include "sim/serving/simulated_executor.h"

#include <algorithm>
#include <cmath>

namespace tokenfab {
namespace {

constexpr std::size_t kPrefill = 0, kDecode = 1;

std::size_t floor_bound(std::size_t c) {
  const auto op = static_cast<OpClass>(c);
  const bool network = op == OpClass::all_reduce || op == OpClass::all_to_all || op == OpClass::send;
  return static_cast<std::size_t>(network ? Bound::network : Bound::host);
}

std::size_t index(Bound b) { return static_cast<std::size_t>(b); }

}  // namespace

SimulatedExecutor::SimulatedExecutor(std::shared_ptr<const StepModel> model, TransferCosts transfers)
    : model_(std::move(model)),
      transfers_(transfers),
      decode_(static_cast<std::size_t>(model_->deployment().max_sequences) + 1) {}

const SimulatedExecutor::Mixed& SimulatedExecutor::price(const StepPlan& plan) {
  if (mixed_.serial != plan.serial) {
    mixed_.serial = plan.serial;
    model_->evaluate(plan.sums, mixed_.seconds);
    mixed_.ticks = ticks_from_seconds(mixed_.seconds.total()) + plan.transfer;
  }
  return mixed_;
}

Ticks SimulatedExecutor::transfer_ticks(const StepPlan& plan) const {
  return ticks_from_seconds(static_cast<double>(plan.swapped_blocks) * transfers_.seconds_per_block +
                            static_cast<double>(plan.variant_loads) * transfers_.seconds_per_load);
}

const SimulatedExecutor::Span& SimulatedExecutor::span(const StepPlan& plan, std::int64_t steps) {
  if (span_.serial != plan.serial || span_.steps != steps) {
    const KvLine& line = model_->decode_line(plan.sums.decode_sequences);
    span_ = {plan.serial, steps, line.kv_parts(model_->kv_units(plan.sums), model_->kv_growth(plan.sums), steps)};
  }
  return span_;
}

Progress SimulatedExecutor::run(const StepPlan& plan, Ticks start, Ns until) {
  if (plan.has_transfers()) start += transfer_ticks(plan);
  if (!plan.decode_only()) return {1, start + price(plan).ticks};
  const KvLine& line = model_->decode_line(plan.sums.decode_sequences);
  std::int64_t steps = plan.repeats;
  if (until != kNever)
    steps = line.steps_to_reach(model_->kv_units(plan.sums), model_->kv_growth(plan.sums), ticks_from_ns(until) - start,
                                plan.repeats);
  const KvLine::Parts& kv = span(plan, steps).kv_ticks;
  return {steps, start + line.base() * steps + kv.low + kv.high};
}

void SimulatedExecutor::committed(const StepPlan& plan, std::int64_t steps) {
  if (plan.has_transfers()) account_transfers(plan);
  if (!plan.decode_only()) return account_mixed(plan);
  const std::int64_t n = plan.sums.decode_sequences;
  const std::int64_t kv = model_->kv_units(plan.sums), growth = model_->kv_growth(plan.sums);
  DecodeCount& count = decode_[static_cast<std::size_t>(n)];
  const KvLine::Parts& parts = span(plan, steps).kv_ticks;
  count.steps += steps;
  count.most_kv = std::max(count.most_kv, kv + growth * (steps - 1));
  count.kv += kv * steps + growth * (steps * (steps - 1) / 2);
  count.kv_ticks.low += parts.low;
  count.kv_ticks.high += parts.high;
}

void SimulatedExecutor::account_transfers(const StepPlan& plan) {
  const Ticks ticks = transfer_ticks(plan);
  const std::size_t phase = plan.decode_only() ? kDecode : kPrefill;
  mixed_account_.seconds[phase][static_cast<std::size_t>(OpClass::send)][index(Bound::network)] +=
      seconds_from_ticks(ticks);
  mixed_account_.busy += ticks;
  mixed_account_.swaps_and_loads += ticks;
}

/// Each class's time is split between the phases in proportion to what either would take alone.
void SimulatedExecutor::account_mixed(const StepPlan& plan) {
  const Mixed& mixed = price(plan);
  Account& a = mixed_account_;
  const bool pure = plan.sums.decode_sequences == 0;
  StepSeconds alone;
  if (!pure) {
    StepSums prefill = plan.sums;
    prefill.decode_sequences = prefill.decode_kv_tokens = prefill.decode_window_tokens = prefill.decode_filling = 0;
    model_->evaluate(prefill, alone);
  }
  const StepSeconds& decode = model_->decode_fixed(plan.sums.decode_sequences);
  for (const OpClass op : model_->classes()) {
    const auto c = static_cast<std::size_t>(op);
    const double work = mixed.seconds.work[c], floor = mixed.seconds.floor[c];
    double share = 1;
    if (op == OpClass::decode_attention) {
      share = 0;
    } else if (!pure && op != OpClass::prefill_attention) {
      const double p = alone.work[c] + alone.floor[c], d = decode.work[c] + decode.floor[c];
      share = p + d > 0 ? p / (p + d) : 1;
    }
    const std::size_t b = index(mixed.seconds.bound[c]), f = floor_bound(c);
    a.seconds[kPrefill][c][b] += work * share;
    a.seconds[kPrefill][c][f] += floor * share;
    a.seconds[kDecode][c][b] += work * (1 - share);
    a.seconds[kDecode][c][f] += floor * (1 - share);
  }
  const StepWork w = model_->work(plan.sums);
  a.flop += w.flop;
  a.bytes += w.bytes;
  a.busy += mixed.ticks;
  a.transfer += plan.transfer;
  ++a.steps;
  DecodeCount& count = decode_[static_cast<std::size_t>(plan.sums.decode_sequences)];
  count.most_kv = std::max(count.most_kv, model_->kv_units(plan.sums));
  const std::int64_t decoded = plan.sums.decode_sequences * model_->step_tokens(plan.sums.decode_sequences);
  most_mixed_tokens_ = std::max(most_mixed_tokens_, decoded + plan.sums.prefill_tokens);
}

Reach SimulatedExecutor::reach() const {
  Reach r;
  for (std::size_t i = 1; i < decode_.size(); ++i) {
    if (decode_[i].most_kv == 0) continue;
    const auto n = static_cast<std::int64_t>(i);
    r.add({n, model_->whole_tokens(decode_[i].most_kv) / n, n * model_->step_tokens(n)});
  }
  r.tokens = std::max(r.tokens, most_mixed_tokens_);
  return r;
}

SimulatedExecutor::Account SimulatedExecutor::account() const {
  Account a = mixed_account_;
  const auto attention = static_cast<std::size_t>(OpClass::decode_attention);
  for (std::size_t i = 1; i < decode_.size(); ++i) {
    const DecodeCount& count = decode_[i];
    if (count.steps == 0) continue;
    const auto n = static_cast<std::int64_t>(i);
    const auto steps = static_cast<double>(count.steps);
    const StepSeconds& fixed = model_->decode_fixed(n);
    for (std::size_t c = 0; c < kOpClasses; ++c) {
      a.seconds[kDecode][c][index(fixed.bound[c])] += fixed.work[c] * steps;
      a.seconds[kDecode][c][floor_bound(c)] += fixed.floor[c] * steps;
    }
    const auto bounds = model_->decode_attention_bounds(n);
    a.seconds[kDecode][attention][index(bounds[0])] += seconds_from_ticks(count.kv_ticks.low);
    a.seconds[kDecode][attention][index(bounds[1])] += seconds_from_ticks(count.kv_ticks.high);
    a.busy += model_->decode_line(n).base() * count.steps + count.kv_ticks.low + count.kv_ticks.high;
    a.steps += count.steps;
    StepSums sums;
    sums.decode_sequences = n;
    const StepWork per_step = model_->work(sums);
    const StepWork per_unit = model_->work_per_kv_unit(n);
    a.flop += per_step.flop * steps + per_unit.flop * static_cast<double>(count.kv);
    a.bytes += per_step.bytes * steps + per_unit.bytes * static_cast<double>(count.kv);
  }
  return a;
}

double SimulatedExecutor::Account::phase_seconds(int phase) const {
  double total = phase == static_cast<int>(kPrefill) ? seconds_from_ticks(transfer) : 0;
  for (const auto& by_bound : seconds[static_cast<std::size_t>(phase)])
    for (double s : by_bound) total += s;
  return total;
}

void SimulatedExecutor::Account::add(const Account& other) {
  for (std::size_t p = 0; p < 2; ++p)
    for (std::size_t c = 0; c < kOpClasses; ++c)
      for (std::size_t b = 0; b < kBounds; ++b) seconds[p][c][b] += other.seconds[p][c][b];
  busy += other.busy;
  transfer += other.transfer;
  steps += other.steps;
  flop += other.flop;
  bytes += other.bytes;
  swaps_and_loads += other.swaps_and_loads;
}

}  // namespace tokenfab
