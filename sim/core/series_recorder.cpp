#include "sim/core/series_recorder.h"

#include <algorithm>

namespace tokenfab {

void SeriesRecorder::coarsen() {
  auto& bins = series_.bins;
  for (std::size_t i = 0; i < bins.size(); i += 2) {
    SeriesBin sum = bins[i];
    if (i + 1 < bins.size()) {
      const SeriesBin& b = bins[i + 1];
      sum.arrived += b.arrived;
      sum.finished += b.finished;
      sum.rejected += b.rejected;
      sum.input_tokens += b.input_tokens;
      sum.output_tokens += b.output_tokens;
      sum.waiting_ns += b.waiting_ns;
      sum.running_ns += b.running_ns;
    }
    bins[i / 2] = sum;
  }
  bins.resize((bins.size() + 1) / 2);
  series_.bin_ns *= 2;
}

void SeriesRecorder::focus(Ns t) {
  while (t / series_.bin_ns >= static_cast<Ns>(Series::kMaxBins)) coarsen();
  focus_ = static_cast<std::size_t>(t / series_.bin_ns);
  if (focus_ >= series_.bins.size()) series_.bins.resize(focus_ + 1);
  low_ = static_cast<Ns>(focus_) * series_.bin_ns;
  high_ = low_ + series_.bin_ns;
}

void SeriesRecorder::integrate(Ns now, std::int64_t waiting, std::int64_t running) {
  if (now == last_) return;
  request_ns_ += static_cast<Int128>(waiting + running) * (now - last_);
  if (waiting + running == 0) {
    last_ = now;
    return;
  }
  bin(now);  // settles the bin width before the walk
  while (last_ < now) {
    SeriesBin& b = bin(last_);
    const Ns span = std::min(now, high_) - last_;
    b.waiting_ns += static_cast<Int128>(waiting) * span;
    b.running_ns += static_cast<Int128>(running) * span;
    last_ += span;
  }
}

double backlog_slope(const Series& series, Ns until) {
  double n = 0, st = 0, sw = 0, stt = 0, stw = 0;
  const double width = static_cast<double>(series.bin_ns);
  for (std::size_t i = 0; i < series.bins.size(); ++i) {
    if (static_cast<Ns>(i + 1) * series.bin_ns > until) break;
    const double t = (static_cast<double>(i) + 0.5) * width * 1e-9;
    const double waiting = static_cast<double>(series.bins[i].waiting_ns) / width;
    n += 1;
    st += t;
    sw += waiting;
    stt += t * t;
    stw += t * waiting;
  }
  return n < 3 ? 0 : (n * stw - st * sw) / (n * stt - st * st);
}

}  // namespace tokenfab
