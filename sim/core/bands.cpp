#include "sim/core/bands.h"

#include <algorithm>
#include <cmath>

namespace tokenfab {
namespace {

double seconds(const Histogram& h, double (*read)(const Histogram&)) { return h.count() > 0 ? read(h) * 1e-9 : NAN; }
double median(const Histogram& h) { return h.quantile(0.5); }
double tail(const Histogram& h) { return h.quantile(0.99); }
double mean(const Histogram& h) { return h.mean(); }

}  // namespace

const std::vector<BandMetric>& band_metrics() {
  using R = RunRecord;
  static const std::vector<BandMetric> all = {
      {"ttft_s.p50", [](const R& r) { return seconds(r.latency.ttft, median); }},
      {"ttft_s.p99", [](const R& r) { return seconds(r.latency.ttft, tail); }},
      {"ttft_s.mean", [](const R& r) { return seconds(r.latency.ttft, mean); }},
      {"tpot_s.p50", [](const R& r) { return seconds(r.latency.tpot, median); }},
      {"tpot_s.p99", [](const R& r) { return seconds(r.latency.tpot, tail); }},
      {"tpot_s.mean", [](const R& r) { return seconds(r.latency.tpot, mean); }},
      {"e2e_s.mean", [](const R& r) { return seconds(r.latency.e2e, mean); }},
      {"throughput_tok_s",
       [](const R& r) { return r.makespan_s > 0 ? static_cast<double>(r.output_served) / r.makespan_s : NAN; }},
      {"cost.usd_per_mtok", [](const R& r) { return r.cost.usd_per_mtok; }},
      {"cost.usd_per_mtok_in", [](const R& r) { return r.cost.usd_per_mtok_in; }},
      {"cost.usd_per_mtok_out", [](const R& r) { return r.cost.usd_per_mtok_out; }},
      {"cost.plan.margin", [](const R& r) { return r.cost.has_plan ? r.cost.margin : NAN; }},
      {"saturated", [](const R& r) { return r.saturated ? 1.0 : 0.0; }},
  };
  return all;
}

const Band* Bands::find(const std::string& metric) const {
  const auto found = std::find_if(of.begin(), of.end(), [&](const Band& b) { return b.metric == metric; });
  return found == of.end() ? nullptr : &*found;
}

std::vector<Band> bands_over(const RunRecord& run, const RunRecord& faster, const RunRecord& slower) {
  std::vector<Band> out;
  for (const BandMetric& metric : band_metrics()) {
    Band band{metric.name, metric.value(run), metric.value(run)};
    if (!std::isfinite(band.low)) continue;
    for (const RunRecord* other : {&faster, &slower}) {
      const double value = metric.value(*other);
      if (!std::isfinite(value)) continue;
      band.low = std::min(band.low, value);
      band.high = std::max(band.high, value);
    }
    out.push_back(band);
  }
  return out;
}

void drop_cost_bands(Bands& bands) {
  const auto dropped = std::erase_if(bands.of, [](const Band& b) { return b.metric.starts_with("cost."); });
  if (dropped > 0) bands.basis += "; none for costs, which were priced again without a simulation";
}

}  // namespace tokenfab
