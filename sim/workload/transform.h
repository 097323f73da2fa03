#pragma once
#include <cstdint>
#include <limits>
#include <memory>

#include "sim/workload/request.h"

namespace tokenfab {

/// What may be done to any request stream, applied in this order. Defaults change nothing.
struct TransformSpec {
  double dejitter_s = 0;     // arrivals are rounded to this grid, then spread evenly at random over [tick, tick + grid)
  double window_from_s = 0;  // keep arrivals in [from, to), which then start at 0
  double window_to_s = std::numeric_limits<double>::infinity();
  double thin = 1;           // keep each request with this probability
  std::int64_t copies = 1;   // each request this many times; prefix blocks of different copies are different
  double copy_jitter_s = 0;  // the copies after the first come up to this much later, evenly at random
  double rate_scale = 1;     // time runs this much faster
};

/// Requests are numbered anew from 0. The kept requests at a lower `thin` are among those kept at a higher one.
/// Errors: UserError naming the field, its value and what is allowed.
std::unique_ptr<RequestSource> transform(std::unique_ptr<RequestSource> source, const TransformSpec& spec,
                                         std::uint64_t seed, std::uint32_t replication);

}  // namespace tokenfab
