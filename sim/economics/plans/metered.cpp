#include "sim/economics/plans/metered.h"

#include <algorithm>

#include "sim/economics/formulas.h"

namespace tokenfab {

MeteredTokens Metered::total() const {
  MeteredTokens sum;
  for (const MeteredTokens& c : cells) {
    sum.input += c.input;
    sum.cached += c.cached;
    sum.output += c.output;
    sum.written += c.written;
    sum.written_hour += c.written_hour;
    sum.reasoning += c.reasoning;
  }
  return sum;
}

double Metered::months() const { return hours / kHoursPerMonth; }

Metered Metered::scaled(double share) const {
  Metered out = *this;
  for (MeteredTokens& c : out.cells) c.scale(share);
  out.requests *= share;
  out.busy_chip_s *= share;
  out.usd_cost *= share;
  return out;
}

double Metered::seconds_of(std::int64_t bin) const {
  const double width = seconds_from_ns(kMeterBin), from = static_cast<double>(bin) * width;
  return std::max(0.0, std::min(from + width, started_s + hours * 3600) - std::max(from, started_s));
}

namespace {

/// A cell of the meter or a request: they name their tokens alike.
template <class Used>
MeteredTokens tokens_of(const Used& u) {
  const auto count = [](auto n) { return static_cast<long double>(n); };
  MeteredTokens out;
  out.priority = u.priority;
  out.tier = u.tier;
  out.input = count(u.input_tokens), out.cached = count(u.cached_tokens), out.output = count(u.output_tokens);
  out.written = count(u.written_tokens), out.written_hour = count(u.written_hour_tokens);
  out.reasoning = count(u.reasoning_tokens);
  return out;
}

}  // namespace

MeteredTokens metered(const RequestRow& row) {
  MeteredTokens out = tokens_of(row);
  out.bin = row.finish / kMeterBin;
  out.bracket = meter_bracket(row.input_tokens);
  return out;
}

Metered metered(const RunRecord& r) {
  Metered out;
  for (const MeterCell& c : r.meter) {
    MeteredTokens& cell = out.cells.emplace_back(tokens_of(c));
    cell.bin = c.bin;
    cell.bracket = c.bracket;
  }
  if (r.meter.empty()) {
    MeteredTokens& cell = out.cells.emplace_back();
    cell.input = static_cast<long double>(r.input_served), cell.cached = static_cast<long double>(r.cached_tokens);
    cell.output = static_cast<long double>(r.output_served);
    cell.written = static_cast<long double>(r.written_tokens);
    cell.reasoning = static_cast<long double>(r.reasoning_tokens);
  }
  out.started_s = r.started_s;
  out.hours = r.makespan_s / 3600;
  out.requests = static_cast<double>(r.served);
  for (const PoolUsage& u : r.pools) {
    out.busy_chip_s += u.busy_chip_seconds;
    out.paid_chip_s += u.paid_chip_seconds;
    out.chips += u.chips;
  }
  out.usd_cost = r.cost.usd_total;
  return out;
}

}  // namespace tokenfab
