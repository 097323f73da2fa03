#pragma once
#include <memory>
#include <string>
#include <vector>

#include "sim/workload/request.h"

namespace tokenfab {

/// Clients of one place, with a stream of their own.
struct RegionSpec {
  std::string name;
  double share = 1;  // of the workload's rate, in proportion to the other regions' shares
  /// Hours by which the region's clock is ahead, of a profile whose cycle counts as 24.
  double phase_h = 0;
};

/// The profile as a region lives it: its windows moved forward by `phase_h`. Throws UserError where the shift is not a
/// whole number of windows, or there is no profile to shift.
std::vector<double> shifted_profile(const std::vector<double>& profile, double phase_h);

/// The seed of a region's stream; the first one's is the run's own.
std::uint64_t region_seed(std::uint64_t seed, std::size_t region);

/// Merges streams in order of arrival (ties: the first region), numbers the requests anew and marks where they come
/// from. Ends after `max_requests`; 0: with the last stream. For requests without prefix blocks.
std::unique_ptr<RequestSource> merge_regions(std::vector<std::unique_ptr<RequestSource>> regions,
                                             std::int64_t max_requests);

}  // namespace tokenfab
