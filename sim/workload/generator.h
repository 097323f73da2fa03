#pragma once
#include <cstdint>
#include <memory>

#include "sim/workload/arrivals.h"
#include "sim/workload/lengths.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// A synthetic workload. It ends at max_requests or duration_s, whichever comes first; 0 = no limit, one is needed.
struct GeneratorSpec {
  ArrivalSpec arrivals;
  LengthSpec input = FixedLength{1}, output = FixedLength{1};
  double in_out_correlation = 0;  // of the Gaussian copula between input and output, -1..1
  std::int64_t max_requests = 0;
  double duration_s = 0;
  std::uint64_t seed = 1;
  std::uint32_t replication = 0;
};

/// Arrivals, input and output lengths come from streams of their own: changing one never moves the others.
/// Errors: UserError naming the field, its value and what is allowed.
std::unique_ptr<RequestSource> make_generator(const GeneratorSpec& spec);

/// Requests to expect, about.
std::int64_t expected_requests(const GeneratorSpec& spec);

}  // namespace tokenfab
