#include "sim/workload/generator.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "sim/workload/clients.h"
#include "sim/workload/marks.h"

namespace tokenfab {
namespace {

constexpr Ns kHorizon = kNever / 2;
constexpr std::size_t kBatch = 4096;  // bounds one read, whatever the caller allows

Ns horizon_of(const GeneratorSpec& s) { return s.duration_s > 0 ? ns_from_seconds(s.duration_s) : kHorizon; }

void check(const GeneratorSpec& s) {
  if (s.max_requests < 0)
    throw UserError("workload: requests is " + std::to_string(s.max_requests) + "; it must not be negative");
  if (!(s.duration_s >= 0 && s.duration_s <= 4e9))
    throw UserError("workload: duration_s is " + shortest(s.duration_s) + "; it must be in 0..4e9");
  if (s.max_requests == 0 && s.duration_s == 0)
    throw UserError("workload: a generator needs an end: a number of requests, a duration, or both");
  if (s.arrivals.all_at_once && s.max_requests == 0)
    throw UserError("workload: arrivals all at once need a number of requests");
  if (!(std::abs(s.in_out_correlation) <= 1))
    throw UserError("workload: in_out_correlation is " + shortest(s.in_out_correlation) + "; it must be in -1..1");
}

class Generator final : public RequestSource {
 public:
  explicit Generator(const GeneratorSpec& s)
      : arrivals_(make_arrivals(s.arrivals, horizon_of(s), s.seed, s.replication)),
        input_(make_lengths(s.input, "input")),
        output_(make_lengths(s.output, "output")),
        input_random_(s.seed, s.replication, StreamPurpose::input_length),
        output_random_(s.seed, s.replication, StreamPurpose::output_length),
        correlation_(s.in_out_correlation),
        left_(s.max_requests > 0 ? s.max_requests : INT64_MAX) {}

  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    const auto want =
        static_cast<std::size_t>(std::min<std::int64_t>(left_, static_cast<std::int64_t>(std::min(limit, kBatch))));
    instants_.resize(want);
    const std::size_t n = arrivals_->fill(instants_);
    left_ = n < want ? 0 : left_ - static_cast<std::int64_t>(n);
    in_.resize(n);
    out_.resize(n);
    if (correlation_ == 0) {
      input_->fill(in_, input_random_);
      output_->fill(out_, output_random_);
    } else {
      fill_correlated();
    }
    batch.requests.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      Request& r = batch.requests[i];
      r.arrival = instants_[i];
      r.id = next_id_++;
      r.input_tokens = in_[i];
      r.output_tokens = out_[i];
    }
  }

 private:
  void fill_correlated() {
    const double own = std::sqrt(1 - correlation_ * correlation_);
    for (std::size_t i = 0; i < in_.size(); ++i) {
      const double u = input_random_.uniform();
      in_[i] = input_->quantile(u);
      const double z = correlation_ * inverse_normal(u) + own * output_random_.normal();
      out_[i] = output_->quantile(std::clamp(0.5 * std::erfc(-z / std::numbers::sqrt2), 1e-16, 1 - 0x1p-53));
    }
  }

  std::unique_ptr<ArrivalProcess> arrivals_;
  std::unique_ptr<LengthSampler> input_, output_;
  RandomStream input_random_, output_random_;
  double correlation_;
  std::int64_t left_, next_id_ = 0;
  std::vector<Ns> instants_;
  std::vector<std::int32_t> in_, out_;
};

}  // namespace

std::unique_ptr<RequestSource> make_generator(const GeneratorSpec& spec) {
  check(spec);
  std::unique_ptr<RequestSource> out;
  if (spec.clients.empty()) out = std::make_unique<Generator>(spec);
  else out = make_clients(spec);
  return spec.marks.empty() ? std::move(out) : mark(std::move(out), spec.marks, spec.seed, spec.replication);
}

std::pair<double, double> mean_tokens(const GeneratorSpec& spec) {
  double input = mean_length(spec.input), output = mean_length(spec.output);
  if (!spec.clients.empty()) {
    double shares = 0;
    input = output = 0;
    for (const ClientSpec& c : spec.clients) {
      shares += c.share;
      input += c.share * mean_length(c.input);
      output += c.share * mean_length(c.output);
    }
    input /= shares;
    output /= shares;
  }
  if (const auto& images = spec.marks.images)
    input += images->share * mean_length(images->per_request) * mean_length(images->tokens_each);
  return {input, output};
}

std::int64_t expected_requests(const GeneratorSpec& spec) {
  check(spec);
  if (spec.duration_s == 0 || spec.arrivals.all_at_once) return spec.max_requests;
  const auto n = static_cast<std::int64_t>(std::llround(std::min(9e18, mean_rate(spec.arrivals) * spec.duration_s)));
  return spec.max_requests > 0 ? std::min(n, spec.max_requests) : n;
}

}  // namespace tokenfab
