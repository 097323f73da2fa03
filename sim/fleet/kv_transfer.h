#pragma once
#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace tokenfab {

/// How a prompt's KV cache comes from a replica of a prefill pool to one of a decode pool.
struct KvTransfer {
  double latency_s = 0;         // after the last byte has been sent; the link is free meanwhile
  double seconds_per_byte = 0;  // of the link out of a prefill replica
  double overlap = 0;           // 0..1: share of the bytes that may go, layer by layer, while the prompt is computed
  double bytes_per_token = 0;   // of layers that attend to the whole context
  double window_bytes_per_token = 0;  // of the others, for the last `window_tokens` only
  std::int64_t window_tokens = 0;

  double bytes(std::int64_t tokens) const {
    return bytes_per_token * static_cast<double>(tokens) +
           window_bytes_per_token * static_cast<double>(std::min(tokens, window_tokens));
  }
};

/// The link out of one prefill replica: one cache at a time, in order of the prefills' ends.
class KvLink {
 public:
  /// Sends the cache of a prompt of `tokens` whose prefill lasted from `scheduled` to `prefilled`; returns when all of
  /// it is there. Sending starts when the link is free, at most `overlap` of its duration before `prefilled`.
  Ns send(const KvTransfer& way, std::int64_t tokens, Ns scheduled, Ns prefilled) {
    const double seconds = way.bytes(tokens) * way.seconds_per_byte;
    const Ns start = std::max({free_, scheduled, prefilled - ns_from_seconds(way.overlap * seconds)});
    free_ = start + ns_from_seconds(seconds);
    return std::max(free_, prefilled) + ns_from_seconds(way.latency_s);
  }

 private:
  Ns free_ = 0;
};

}  // namespace tokenfab
