#include "sim/fleet/meter.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"

namespace tokenfab {

MeterCell& MeterRecorder::find(Ns now, const Request& request, int bracket) {
  if (now >= bin_end_) {
    bin_end_ = (now / kMeterBin + 1) * kMeterBin;
    bin_begin_ = cells_.size();
  }
  for (last_ = bin_begin_; last_ < cells_.size(); ++last_)
    if (is_of(cells_[last_], request, bracket)) return cells_[last_];
  MeterCell& c = cells_.emplace_back();
  c.bin = bin_end_ / kMeterBin - 1;
  c.priority = request.priority;
  c.bracket = bracket;
  c.tier = request.tier;
  return c;
}

std::vector<MeterCell> MeterRecorder::take() {
  std::sort(cells_.begin(), cells_.end(), [](const MeterCell& a, const MeterCell& b) {
    return std::tie(a.bin, a.priority, a.bracket, a.tier) < std::tie(b.bin, b.priority, b.bracket, b.tier);
  });
  return std::move(cells_);
}

void check_meter(const RunRecord& r) {
  MeterCell sum;
  for (const MeterCell& c : r.meter) {
    sum.served += c.served;
    sum.rejected += c.rejected;
    sum.good += c.good;
    sum.input_tokens += c.input_tokens;
    sum.cached_tokens += c.cached_tokens;
    sum.output_tokens += c.output_tokens;
    sum.written_tokens += c.written_tokens;
    sum.reasoning_tokens += c.reasoning_tokens;
  }
  require(sum.served == r.served && sum.rejected == r.rejected && sum.good == r.good_requests,
          "metered requests = served, rejected and good requests");
  require(sum.input_tokens == r.input_served && sum.cached_tokens == r.cached_tokens &&
              sum.output_tokens == r.output_served && sum.written_tokens == r.written_tokens &&
              sum.reasoning_tokens == r.reasoning_tokens,
          "metered tokens = tokens of served requests");
}

}  // namespace tokenfab
