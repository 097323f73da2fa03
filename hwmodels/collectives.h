#pragma once
#include <array>
#include <vector>

#include "hwmodels/collective_cost.h"
#include "hwmodels/faults.h"
#include "hwmodels/types.h"

// Collectives on a fabric (hwmodels/topology.h): traffic follows the lowest-latency paths, split evenly where several
// are equal, and the most loaded link decides.
namespace tokenfab {

class Topology;

enum class AllReduce { direct, one_shot, ring, tree, axes, hierarchical };
inline constexpr std::array<const char*, 6> kAllReduceNames = {"direct", "one-shot", "ring",
                                                               "tree",   "axes",     "hierarchical"};

struct AllReduceOption {
  AllReduce algorithm = AllReduce::direct;
  CollectiveCost cost;  // bytes: the message that each chip holds
};

/// What a group of chips (vertices of the topology) can use, n chips with a message of S bytes each:
/// - direct: reduce-scatter and all-gather, each chip exchanging S/n with every peer in each;
/// - one_shot: every chip sends all of S to every peer, in one phase;
/// - ring: 2 (n - 1) steps of S/n, half of it in either direction, along the cheapest of a few orders of the chips;
/// - tree: two complementary binary trees of S/2, reduced up and broadcast down in a pipeline of small chunks;
/// - axes: whole tori only: rings along each axis in turn, the message in as many parts as there are axes, each part
///   starting on another axis;
/// - hierarchical: several servers only: reduce-scatter inside each (half of its cheapest all-reduce), direct exchange
///   of the shards across, all-gather inside.
std::vector<AllReduceOption> all_reduce_options(const Topology& topology, const std::vector<int>& group);
/// The cheapest option at this size: what an engine takes.
AllReduceOption cheapest(const std::vector<AllReduceOption>& options, double bytes);

/// The message at which one linear cost is chosen among the options: 64 tokens of 8192 bf16 activations.
inline constexpr double kTypicalMessage = 1 << 20;

/// Direct inside one switched, mesh or pcie server (calibrations were fitted with that), else the cheapest option at
/// kTypicalMessage.
CollectiveCost all_reduce(const Topology& topology, const std::vector<int>& group);
/// Direct, S the message that each chip ends with (all-gather) or begins with (reduce-scatter).
CollectiveCost all_gather(const Topology& topology, const std::vector<int>& group);
CollectiveCost reduce_scatter(const Topology& topology, const std::vector<int>& group);
/// Each chip sends 1/n of its message to every other chip.
CollectiveCost all_to_all(const Topology& topology, const std::vector<int>& group);
/// n senders hold a message in equal shards, m receivers take it in equal shards, all at once; at least one of each.
/// bytes: the whole message.
CollectiveCost transfer(const Topology& topology, const std::vector<int>& senders, const std::vector<int>& receivers);

/// The group is the first `chips` working chips, filled server by server (scale_up_domain chips each).
/// Errors: UserError for an unknown broken part, Infeasible where faults cut the group apart.
CollectiveCost all_reduce_cost(const Chip& chip, int chips, const Faults& faults = {});
CollectiveCost all_to_all_cost(const Chip& chip, int chips, const Faults& faults = {});
/// `distance` chips, each sending its message to the chip `distance` places after it, all at once: from a pipeline
/// stage that is `distance` chips wide to the next one. bytes: the message of one chip.
CollectiveCost send_cost(const Chip& chip, int distance, const Faults& faults = {});
/// The same for a whole pipeline: the mean over all boundaries between its stages and the way back from the last to the
/// first.
CollectiveCost pipeline_cost(const Chip& chip, int width, int stages, const Faults& faults = {});
/// KV caches from a pool's replica of n chips to another pool's of m chips. bytes: the whole message. In the same
/// domain (equal chips; UserError otherwise) over the scale-up links as far as these reach, else over the network.
CollectiveCost transfer_cost(const Chip& from, int n, const Chip& to, int m, bool same_domain);

}  // namespace tokenfab
