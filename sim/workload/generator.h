#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/workload/arrivals.h"
#include "sim/workload/lengths.h"
#include "sim/workload/request.h"

namespace tokenfab {

/// One client, or `count` equal ones, of a service. Its gaps are of its own law, its rate follows the service's
/// profile.
struct ClientSpec {
  double share = 1;  // of the service's requests, in proportion to the other clients' shares; of all `count` together
  std::int64_t count = 1;
  GapLaw law = GapLaw::gamma;
  double cv = 1;  // of the gaps, gamma and weibull
  LengthSpec input = FixedLength{1}, output = FixedLength{1};
};

/// Requests with images (or sound, or video): their tokens pass an encoder, and join the prompt.
struct ImageSpec {
  double share = 0;  // of requests that have any
  LengthSpec per_request = FixedLength{1}, tokens_each = FixedLength{1};
};

/// A class of service.
struct ClassSpec {
  std::string name;
  double share = 1;       // of requests, in proportion to the other classes' shares
  int priority = 0;       // 0..255, 0 = highest
  double deadline_s = 0;  // after the arrival; 0 = none
};

/// Adapters or variants of the model: variant k of 1..count is asked for in proportion to k^-zipf.
struct VariantSpec {
  std::int64_t count = 1;  // at most 65536
  double zipf = 1;
};

/// What requests carry besides lengths. Each part has random streams of its own.
struct MarkSpec {
  std::optional<ImageSpec> images;
  std::vector<ClassSpec> classes;
  std::optional<VariantSpec> variants;
  bool empty() const { return !images && classes.empty() && !variants; }
};

/// A synthetic workload. It ends at max_requests or duration_s, whichever comes first; 0 = no limit, one is needed.
struct GeneratorSpec {
  ArrivalSpec arrivals;
  LengthSpec input = FixedLength{1}, output = FixedLength{1};
  double in_out_correlation = 0;  // of the Gaussian copula between input and output, -1..1
  /// Where given, the superposition of these clients: `arrivals` says only the rate of all and its profile, and the
  /// lengths above are not used.
  std::vector<ClientSpec> clients;
  MarkSpec marks;
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

/// Expected input tokens (images included) and output tokens per request.
std::pair<double, double> mean_tokens(const GeneratorSpec& spec);

}  // namespace tokenfab
