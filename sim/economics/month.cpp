#include "sim/economics/month.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/error.h"
#include "sim/economics/formulas.h"

namespace tokenfab {
namespace {

const double kBinSeconds = seconds_from_ns(kMeterBin);

std::int64_t times(std::int64_t count, double factor) {
  return static_cast<std::int64_t>(std::llround(static_cast<double>(count) * factor));
}

void scale(PoolUsage& u, double by) {
  for (double* x : {&u.paid_chip_seconds, &u.busy_chip_seconds, &u.prefill_busy_seconds, &u.decode_busy_seconds,
                    &u.idle_energy_j, &u.dynamic_energy_j, &u.transfer_seconds, &u.flop, &u.hbm_bytes})
    *x *= by;
  for (StepTimeRow& row : u.step_time) row.seconds *= by;
}

void add(MeteredTokens& to, const MeteredTokens& from, long double by) {
  to.input += from.input * by, to.cached += from.cached * by, to.output += from.output * by;
  to.written += from.written * by, to.written_hour += from.written_hour * by, to.reasoning += from.reasoning * by;
}

using Kind = std::tuple<int, int, int>;
Kind kind_of(const MeteredTokens& c) { return {c.priority, c.bracket, c.tier}; }

/// The run's cells by bin, with the seconds of the run in each bin.
struct Bin {
  double from = 0, seconds = 0;  // since the run's start
  std::vector<const MeteredTokens*> cells;
};

std::vector<Bin> bins_of(const Metered& run) {
  std::map<std::int64_t, std::vector<const MeteredTokens*>> cells;
  for (const MeteredTokens& c : run.cells) cells[c.bin].push_back(&c);
  const double end = run.started_s + run.hours * 3600;
  // A request that ended on the run's last instant is metered in the bin that begins there.
  std::map<std::int64_t, std::vector<const MeteredTokens*>> inside;
  const auto last = static_cast<std::int64_t>(std::ceil(end / kBinSeconds)) - 1,
             first = static_cast<std::int64_t>(std::floor(run.started_s / kBinSeconds));
  for (const auto& [bin, list] : cells) {
    auto& to = inside[std::clamp(bin, first, std::max(first, last))];
    to.insert(to.end(), list.begin(), list.end());
  }
  std::vector<Bin> out;
  for (const auto& [bin, list] : inside) {
    const double from = std::max(static_cast<double>(bin) * kBinSeconds, run.started_s);
    const double to = std::min(static_cast<double>(bin + 1) * kBinSeconds, end);
    if (to > from) out.push_back({from - run.started_s, to - from, list});
  }
  return out;
}

/// Adds what the run's bins hold in the stretch [from, to) of its repetitions to the cells of one bin.
void add_stretch(const std::vector<Bin>& bins, double from, double to, std::map<Kind, MeteredTokens>& cells) {
  for (const Bin& bin : bins) {
    const double shared = std::min(to, bin.from + bin.seconds) - std::max(from, bin.from);
    if (shared <= 0) continue;
    for (const MeteredTokens* c : bin.cells) {
      MeteredTokens& cell = cells[kind_of(*c)];
      std::tie(cell.priority, cell.bracket, cell.tier) = kind_of(*c);
      add(cell, *c, shared / bin.seconds);
    }
  }
}

}  // namespace

RunRecord extended_usage(const RunRecord& run, double hours) {
  require(run.makespan_s > 0, "usage over some time");
  const double factor = hours * 3600 / run.makespan_s;
  RunRecord out;
  out.seed = run.seed;
  out.replication = run.replication;
  out.makespan_s = hours * 3600;
  out.started_s = run.started_s;
  out.pools = run.pools;
  for (PoolUsage& u : out.pools) scale(u, factor);
  out.served = times(run.served, factor);
  out.input_served = times(run.input_served, factor);
  out.cached_tokens = std::min(times(run.cached_tokens, factor), out.input_served);
  out.output_served = times(run.output_served, factor);
  return out;
}

Metered extended_metered(const Metered& run, double hours) {
  require(run.hours > 0, "usage over some time");
  const double factor = hours / run.hours, period = run.hours * 3600, end = run.started_s + hours * 3600;
  Metered out = run.scaled(factor);
  out.hours = hours;
  out.paid_chip_s = run.paid_chip_s * factor;
  out.cells.clear();
  const std::vector<Bin> bins = bins_of(run);
  for (auto bin = static_cast<std::int64_t>(std::floor(run.started_s / kBinSeconds));
       static_cast<double>(bin) * kBinSeconds < end; ++bin) {
    const double from = std::max(static_cast<double>(bin) * kBinSeconds, run.started_s) - run.started_s;
    const double to = std::min(static_cast<double>(bin + 1) * kBinSeconds, end) - run.started_s;
    std::map<Kind, MeteredTokens> cells;
    const double whole = std::floor((to - from) / period);  // repetitions that lie in this bin alone
    if (whole > 0)
      for (const Bin& b : bins) add_stretch({b}, b.from, b.from + b.seconds, cells);
    for (auto& [kind, cell] : cells) cell.scale(whole);
    // What is left begins within a repetition and may end in the next.
    double begin = std::fmod(from, period), left = (to - from) - whole * period;
    for (int stretch = 0; stretch < 2; ++stretch) {
      const double length = std::min(left, period - begin);
      add_stretch(bins, begin, begin + length, cells);
      left -= length, begin = 0;
    }
    for (auto& [kind, cell] : cells) {
      cell.bin = bin;
      out.cells.push_back(cell);
    }
  }
  // The last repetition may be cut short, where more or less happens than in the mean.
  const long double wanted = run.total().all() * factor, got = out.total().all();
  if (got > 0)
    for (MeteredTokens& c : out.cells) c.scale(wanted / got);
  return out;
}

Metered without_clock(const Metered& used) {
  std::map<Kind, MeteredTokens> cells;
  for (const MeteredTokens& c : used.cells) {
    MeteredTokens& cell = cells[kind_of(c)];
    std::tie(cell.priority, cell.bracket, cell.tier) = kind_of(c);
    add(cell, c, 1);
  }
  Metered out = used;
  out.cells.clear();
  for (const auto& [kind, cell] : cells) out.cells.push_back(cell);
  return out;
}

MonthAtLoad month_at_load(const RunRecord& run, const std::vector<Supply>& supplies,
                          const std::optional<PricePlan>& plan) {
  if (run.makespan_s <= 0) throw UserError("a run without length has no month to extrapolate to");
  MonthAtLoad out;
  RunRecord month = extended_usage(run, kHoursPerMonth);
  price_run(month, supplies, std::nullopt);
  out.compute_usd = month.cost.usd_total;
  out.ledger = std::move(month.ledger);
  if (plan) {
    const RunRecord& r = run;
    const double sla = bill_of(*plan, r).usd, list = bill_of(*plan, metered(r)).usd;
    out.revenue_usd = bill_of(*plan, extended_metered(metered(r), kHoursPerMonth)).usd * (list > 0 ? sla / list : 1);
  }
  return out;
}

}  // namespace tokenfab
