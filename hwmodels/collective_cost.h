#pragma once

namespace tokenfab {

/// Cost of moving data: seconds = latency + bytes * seconds_per_byte. What `bytes` counts stands with each function.
struct CollectiveCost {
  double latency = 0;           // path latency of all phases, without the engine's kernel floor
  double seconds_per_byte = 0;  // at full link rate (the engine's network efficiency is applied by the caller)

  double seconds(double bytes) const { return latency + bytes * seconds_per_byte; }
};

}  // namespace tokenfab
