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
  }
  return sum;
}

double Metered::months() const { return hours / kHoursPerMonth; }

Metered Metered::scaled(double share) const {
  Metered out = *this;
  for (MeteredTokens& c : out.cells) {
    c.input *= share;
    c.cached *= share;
    c.output *= share;
  }
  out.requests *= share;
  out.busy_chip_s *= share;
  out.usd_cost *= share;
  return out;
}

double Metered::seconds_of(std::int64_t bin) const {
  const double width = seconds_from_ns(kMeterBin), from = static_cast<double>(bin) * width;
  return std::max(0.0, std::min(from + width, started_s + hours * 3600) - std::max(from, started_s));
}

Metered metered(const RunRecord& r) {
  Metered out;
  for (const MeterCell& c : r.meter)
    out.cells.push_back({c.bin, c.priority, c.bracket, static_cast<long double>(c.input_tokens),
                         static_cast<long double>(c.cached_tokens), static_cast<long double>(c.output_tokens)});
  if (r.meter.empty())
    out.cells.push_back({0, 0, 0, static_cast<long double>(r.input_served), static_cast<long double>(r.cached_tokens),
                         static_cast<long double>(r.output_served)});
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
