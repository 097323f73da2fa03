#include "sim/workload/transform.h"

#include <cmath>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "sim/workload/filters.h"

namespace tokenfab {
namespace {

void check(bool good, const char* field, double value, const char* allowed) {
  if (!good) throw UserError("workload: " + std::string(field) + " is " + shortest(value) + "; " + allowed);
}

void check(const TransformSpec& s) {
  check(s.dejitter_s == 0 || (s.dejitter_s >= 1e-6 && s.dejitter_s <= 1e6), "dejitter_s", s.dejitter_s,
        "it must be 0 (off) or in 1e-6..1e6");
  check(s.window_from_s >= 0 && s.window_from_s <= 4e9, "window_from_s", s.window_from_s, "it must be in 0..4e9");
  check(s.window_to_s > s.window_from_s, "window_to_s", s.window_to_s, "it must be above window_from_s");
  check(s.thin > 0 && s.thin <= 1, "thin", s.thin, "it must be above 0 and at most 1");
  check(s.copies >= 1 && s.copies <= 100'000, "copies", static_cast<double>(s.copies), "it must be in 1..100000");
  check(s.copy_jitter_s >= 0 && s.copy_jitter_s <= 1e6, "copy_jitter_s", s.copy_jitter_s, "it must be in 0..1e6");
  check(s.rate_scale >= 1e-6 && s.rate_scale <= 1e6, "rate_scale", s.rate_scale, "it must be in 1e-6..1e6");
}

}  // namespace

std::unique_ptr<RequestSource> transform(std::unique_ptr<RequestSource> source, const TransformSpec& s,
                                         std::uint64_t seed, std::uint32_t replication) {
  check(s);
  if (s.dejitter_s > 0)
    source = dejitter(std::move(source), ns_from_seconds(s.dejitter_s), {seed, replication, StreamPurpose::jitter, 0});
  if (s.window_from_s > 0 || std::isfinite(s.window_to_s)) {
    const Ns to = s.window_to_s < 9e9 ? ns_from_seconds(s.window_to_s) : kNever;
    source = window(std::move(source), ns_from_seconds(s.window_from_s), to);
  }
  if (s.thin < 1) source = thin(std::move(source), s.thin, {seed, replication, StreamPurpose::thinning});
  if (s.copies > 1)
    source = copies(std::move(source), s.copies, ns_from_seconds(s.copy_jitter_s),
                    {seed, replication, StreamPurpose::jitter, 1});
  if (s.rate_scale != 1) source = scale_rate(std::move(source), s.rate_scale);
  return source;
}

}  // namespace tokenfab
