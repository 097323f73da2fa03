#pragma once
#include "hwmodels/types.h"

namespace tokenfab {

/// Cost of a collective over a group: seconds = latency + bytes * seconds_per_byte, where bytes is the size of the
/// message held by each chip.
struct CollectiveCost {
  double latency = 0;           // path latency of all phases, without the engine's kernel floor
  double seconds_per_byte = 0;  // at full link rate (the engine's network efficiency is applied by the caller)
};

/// The group is the first `chips` chips, filled server by server (scale_up_domain chips each). The fabric is a graph
/// of chips, switches and links; traffic follows the lowest-latency paths and the most loaded link decides.
/// Direct algorithms: all-reduce = reduce-scatter + all-gather, each chip exchanging 1/N of the message with every
/// peer.
CollectiveCost all_reduce_cost(const Chip& chip, int chips);
/// Each chip sends 1/N of its message to every other chip.
CollectiveCost all_to_all_cost(const Chip& chip, int chips);
/// One chip to the chip `distance` places after it (pipeline stages that are `distance` chips wide).
CollectiveCost send_cost(const Chip& chip, int distance);

}  // namespace tokenfab
