#include "sim/workload/regional.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "sim/workload/mix.h"

namespace tokenfab {
namespace {

constexpr std::size_t kBatch = 4096;

class Merged final : public RequestSource {
 public:
  Merged(std::vector<std::unique_ptr<RequestSource>> regions, std::int64_t max_requests)
      : regions_(std::move(regions)), heads_(regions_.size()), left_(max_requests > 0 ? max_requests : INT64_MAX) {}

  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    for (; batch.requests.size() < std::min(limit, kBatch) && left_ > 0; --left_) {
      const std::size_t next = earliest();
      if (next == regions_.size()) return;
      Request request = heads_[next].batch.requests[heads_[next].at++];
      require(request.hash_count == 0, "streams of regions have no prefix blocks");
      request.id = next_id_++;
      batch.requests.push_back(request);
      batch.origins.push_back(static_cast<std::uint8_t>(next));
    }
  }

 private:
  struct Head {
    RequestBatch batch;
    std::size_t at = 0;
    bool over = false;
  };
  std::size_t earliest() {
    std::size_t best = regions_.size();
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      Head& h = heads_[i];
      if (!h.over && h.at == h.batch.requests.size()) {
        regions_[i]->read(h.batch, kBatch);
        h.at = 0;
        h.over = h.batch.requests.empty();
      }
      if (h.over) continue;
      if (best == regions_.size() || arrival(i) < arrival(best)) best = i;
    }
    return best;
  }
  Ns arrival(std::size_t i) const { return heads_[i].batch.requests[heads_[i].at].arrival; }

  std::vector<std::unique_ptr<RequestSource>> regions_;
  std::vector<Head> heads_;
  std::int64_t left_, next_id_ = 0;
};

}  // namespace

std::vector<double> shifted_profile(const std::vector<double>& profile, double phase_h) {
  if (phase_h == 0) return profile;
  const auto n = static_cast<double>(profile.size());
  const double windows = phase_h / 24 * n, whole = std::round(windows);
  if (profile.empty())
    throw UserError("phase_h is " + shortest(phase_h) + ", and the arrivals have no profile to shift");
  if (std::fabs(windows - whole) > 1e-9)
    throw UserError("phase_h is " + shortest(phase_h) + ", not a whole number of the profile's windows of " +
                    shortest(24 / n) + " h");
  std::vector<double> out = profile;
  const auto by = static_cast<std::ptrdiff_t>(std::fmod(std::fmod(whole, n) + n, n));
  std::rotate(out.begin(), out.begin() + by, out.end());
  return out;
}

std::uint64_t region_seed(std::uint64_t seed, std::size_t region) {
  return region == 0 ? seed : mix64(seed ^ mix64(region));
}

std::unique_ptr<RequestSource> merge_regions(std::vector<std::unique_ptr<RequestSource>> regions,
                                             std::int64_t max_requests) {
  require(!regions.empty() && regions.size() < 256, "between one and 255 regions");
  return std::make_unique<Merged>(std::move(regions), max_requests);
}

}  // namespace tokenfab
