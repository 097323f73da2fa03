#include "sim/workload/fit.h"

#include <limits>

namespace tokenfab {
namespace {

void add_lengths(std::vector<FitRow>& rows, const std::string& name, const LengthStats& a, const LengthStats& b) {
  const auto add = [&](const char* what, double real, double generated) {
    rows.push_back({name + " tokens " + what, real, generated, 0});
  };
  add("mean", a.mean, b.mean);
  add("sd", a.sd, b.sd);
  add("p10", a.p10, b.p10);
  add("p50", a.p50, b.p50);
  add("p90", a.p90, b.p90);
  add("p95", a.p95, b.p95);
  add("p99", a.p99, b.p99);
  add("max", a.max, b.max);
  add("total", static_cast<double>(a.total), static_cast<double>(b.total));
}

}  // namespace

std::vector<FitRow> compare(const WorkloadStats& a, const WorkloadStats& b) {
  std::vector<FitRow> rows = {
      {"requests", static_cast<double>(a.requests), static_cast<double>(b.requests), 0},
      {"span, s", a.span_s, b.span_s, 0},
      {"rate, requests/s", a.rate, b.rate, 0},
      {"inter-arrival CV", a.gap_cv, b.gap_cv, 0},
      {"longest gap, s", a.gap_max_s, b.gap_max_s, 0},
      {"index of dispersion, 1 s", a.dispersion_1s, b.dispersion_1s, 0},
      {"index of dispersion, 10 s", a.dispersion_10s, b.dispersion_10s, 0},
      {"index of dispersion, 60 s", a.dispersion_60s, b.dispersion_60s, 0},
      {"peak to mean, 1 s", a.peak_to_mean_1s, b.peak_to_mean_1s, 0},
      {"peak to mean, 60 s", a.peak_to_mean_60s, b.peak_to_mean_60s, 0},
      {"autocorrelation of minute counts", a.minute_autocorrelation, b.minute_autocorrelation, 0},
  };
  add_lengths(rows, "input", a.input, b.input);
  add_lengths(rows, "output", a.output, b.output);
  rows.push_back({"correlation of input and output", a.in_out_correlation, b.in_out_correlation, 0});
  for (FitRow& r : rows) r.ratio = r.real != 0 ? r.generated / r.real : std::numeric_limits<double>::quiet_NaN();
  return rows;
}

}  // namespace tokenfab
