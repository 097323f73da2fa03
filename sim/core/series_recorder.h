#pragma once
#include "sim/core/records.h"

namespace tokenfab {

/// Builds a Series of at most kMaxBins bins. Bins start at 1/64 s and double in width by merging neighbours when the
/// run outgrows them, so the final series depends on the events alone, not on the order in which spans were recorded.
class SeriesRecorder {
 public:
  SeriesRecorder() { series_.bin_ns = kFirstBin; }

  /// The bin that holds `t` >= 0. The reference is valid until the next call.
  SeriesBin& bin(Ns t) {
    if (t < low_ || t >= high_) focus(t);
    return series_.bins[focus_];
  }
  /// The end of the bin that holds `t`.
  Ns bin_end(Ns t) {
    bin(t);
    return high_;
  }
  /// Adds the counts times the time from the last call to `now`.
  void integrate(Ns now, std::int64_t waiting, std::int64_t running);

  const Series& series() const { return series_; }
  Int128 request_ns() const { return request_ns_; }  // integral of waiting + running

 private:
  static constexpr Ns kFirstBin = 15'625'000;
  void focus(Ns t);
  void coarsen();

  Series series_;
  std::size_t focus_ = 0;
  Ns low_ = 0, high_ = 0;
  Ns last_ = 0;
  Int128 request_ns_ = 0;
};

/// Least-squares slope (per second) of the mean waiting count over the bins that end by `until`; 0 with under 3 bins.
double backlog_slope(const Series& series, Ns until);

}  // namespace tokenfab
