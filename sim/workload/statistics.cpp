#include "sim/workload/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tokenfab {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// Moments of the counts in bins of one width; constant memory, empty bins cost nothing.
class BinCounts {
 public:
  explicit BinCounts(Ns width) : width_(width) {}
  void add(Ns since_first) {
    const std::int64_t bin = since_first / width_;
    if (bin != bin_) {
      close(count_);
      if (bin - bin_ > 1) close_empty(bin - bin_ - 1);
      bin_ = bin;
      count_ = 0;
    }
    ++count_;
  }
  double dispersion() const { return sum_ > 0 ? (squares_ / n_ - mean() * mean()) / mean() : kUndefined; }
  double peak_to_mean() const { return sum_ > 0 ? peak_ / mean() : kUndefined; }
  /// Pearson correlation of (count, next count).
  double autocorrelation() const {
    const double pairs = n_ - 1;
    if (pairs < 2) return kUndefined;
    const double sx = sum_ - last_, sy = sum_ - first_;
    const double vx = squares_ - last_ * last_ - sx * sx / pairs, vy = squares_ - first_ * first_ - sy * sy / pairs;
    return vx > 0 && vy > 0 ? (products_ - sx * sy / pairs) / std::sqrt(vx * vy) : kUndefined;
  }

 private:
  double mean() const { return sum_ / n_; }
  void close(std::int64_t count) {
    const auto c = static_cast<double>(count);
    if (n_ == 0) first_ = c;
    products_ += last_ * c;
    last_ = c;
    sum_ += c;
    squares_ += c * c;
    peak_ = std::max(peak_, c);
    n_ += 1;
  }
  void close_empty(std::int64_t bins) {
    last_ = 0;
    n_ += static_cast<double>(bins);
  }

  Ns width_;
  std::int64_t bin_ = 0, count_ = 0;
  double n_ = 0, sum_ = 0, squares_ = 0, products_ = 0, peak_ = 0, first_ = 0, last_ = 0;
};

/// Mean and variance in one pass (Welford).
class Moments {
 public:
  void add(double x) {
    n_ += 1;
    const double d = x - mean_;
    mean_ += d / n_;
    m2_ += d * (x - mean_);
  }
  double mean() const { return mean_; }
  double sd() const { return n_ > 0 ? std::sqrt(m2_ / n_) : kUndefined; }

 private:
  double n_ = 0, mean_ = 0, m2_ = 0;
};

double quantile(const std::vector<std::int32_t>& sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto i = static_cast<std::size_t>(at);
  const double low = sorted[i], high = sorted[std::min(i + 1, sorted.size() - 1)];
  return low + (high - low) * (at - std::floor(at));
}

LengthStats summarize(std::vector<std::int32_t>& lengths) {
  LengthStats s;
  if (lengths.empty()) return s;
  Moments m;
  for (auto n : lengths) m.add(n), s.total += n;
  s.mean = m.mean();
  s.sd = m.sd();
  std::sort(lengths.begin(), lengths.end());
  s.p10 = quantile(lengths, 0.10);
  s.p50 = quantile(lengths, 0.50);
  s.p90 = quantile(lengths, 0.90);
  s.p95 = quantile(lengths, 0.95);
  s.p99 = quantile(lengths, 0.99);
  s.max = lengths.back();
  return s;
}

double pearson(const std::vector<std::int32_t>& a, const std::vector<std::int32_t>& b) {
  Moments ma, mb;
  for (auto x : a) ma.add(x);
  for (auto x : b) mb.add(x);
  double product = 0;
  for (std::size_t i = 0; i < a.size(); ++i) product += (a[i] - ma.mean()) * (b[i] - mb.mean());
  const double scale = ma.sd() * mb.sd() * static_cast<double>(a.size());
  return scale > 0 ? product / scale : kUndefined;
}

}  // namespace

WorkloadStats measure(RequestSource& source) {
  WorkloadStats s;
  Moments gaps;
  BinCounts second(1'000'000'000), ten(10'000'000'000), minute(60'000'000'000);
  std::vector<std::int32_t> input, output;
  Ns first = 0, last = 0;
  RequestBatch batch;
  for (source.read(batch, 4096); !batch.requests.empty(); source.read(batch, 4096))
    for (const Request& r : batch.requests) {
      if (s.requests++ == 0) first = last = r.arrival;
      else
        gaps.add(seconds_from_ns(r.arrival - last)),
            s.gap_max_s = std::max(s.gap_max_s, seconds_from_ns(r.arrival - last));
      last = r.arrival;
      for (BinCounts* bins : {&second, &ten, &minute}) bins->add(r.arrival - first);
      input.push_back(r.input_tokens);
      output.push_back(r.output_tokens);
    }
  s.span_s = seconds_from_ns(last - first);
  s.rate = s.span_s > 0 ? static_cast<double>(s.requests) / s.span_s : kUndefined;
  s.gap_cv = gaps.mean() > 0 ? gaps.sd() / gaps.mean() : kUndefined;
  s.dispersion_1s = second.dispersion();
  s.dispersion_10s = ten.dispersion();
  s.dispersion_60s = minute.dispersion();
  s.peak_to_mean_1s = second.peak_to_mean();
  s.peak_to_mean_60s = minute.peak_to_mean();
  s.minute_autocorrelation = minute.autocorrelation();
  s.in_out_correlation = input.empty() ? kUndefined : pearson(input, output);
  s.input = summarize(input);
  s.output = summarize(output);
  return s;
}

}  // namespace tokenfab
