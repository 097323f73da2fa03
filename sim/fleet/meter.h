#pragma once
#include <utility>
#include <vector>

#include "sim/core/records.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// Sums what price plans charge for into the cells of a record. Times never decrease.
class MeterRecorder {
 public:
  /// The cell of a request that ends at `now`; valid until the next call.
  MeterCell& cell(Ns now, const Request& request) {
    const int bracket = meter_bracket(request.input_tokens);
    if (last_ < cells_.size() && now < bin_end_ && is_of(cells_[last_], request, bracket)) return cells_[last_];
    return find(now, request, bracket);
  }
  void served(Ns now, const Request& request, bool good) {
    MeterCell& c = cell(now, request);
    ++c.served;
    c.good += good;
    c.input_tokens += request.input_tokens;
    c.cached_tokens += request.cached_tokens;
    c.output_tokens += request.output_tokens;
    c.written_tokens += request.written_tokens;
    c.written_hour_tokens += request.written_hour_tokens;
    c.reasoning_tokens += request.reasoning_tokens;
  }
  /// The cells by bin, class and bracket.
  std::vector<MeterCell> take();

 private:
  static bool is_of(const MeterCell& c, const Request& r, int bracket) {
    return c.priority == r.priority && c.bracket == bracket && c.tier == r.tier;
  }
  MeterCell& find(Ns now, const Request& request, int bracket);

  std::vector<MeterCell> cells_;
  std::size_t last_ = 0, bin_begin_ = 0;  // cell used last; first cell of its bin
  Ns bin_end_ = 0;
};

/// Throws InternalError where the cells of a record do not add up to its totals.
void check_meter(const RunRecord& record);

}  // namespace tokenfab
