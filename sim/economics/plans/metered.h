#pragma once
#include <vector>

#include "sim/core/records.h"

namespace tokenfab {

/// Tokens of one cell of the meter. Fractions occur where a plan covers part of a cell.
struct MeteredTokens {
  std::int64_t bin = 0;
  int priority = 0, bracket = 0, tier = 0;
  long double input = 0, cached = 0, output = 0;
  long double written = 0, written_hour = 0, reasoning = 0;  // as in MeterCell
  long double all() const { return input + output; }
  void scale(long double by) {
    for (long double* x : {&input, &cached, &output, &written, &written_hour, &reasoning}) *x *= by;
  }
};

/// What price plans read of a run.
struct Metered {
  std::vector<MeteredTokens> cells;  // by bin
  double started_s = 0, hours = 0;   // of the run
  double requests = 0;               // served
  double busy_chip_s = 0, paid_chip_s = 0, chips = 0;
  double usd_cost = 0;  // of the run to its provider (allocation)

  MeteredTokens total() const;
  double months() const;
  /// Tokens, requests, busy time and cost times `share`.
  Metered scaled(double share) const;
  /// Seconds of the run that lie in this bin.
  double seconds_of(std::int64_t bin) const;
};

/// One served request, as a cell of its own.
MeteredTokens metered(const RequestRow& row);

/// A record without a meter (not made by a simulation) is one cell at the start of the clock.
Metered metered(const RunRecord& record);

}  // namespace tokenfab
