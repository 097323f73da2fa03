#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/serving/cache_tiers.h"
#include "sim/serving/executor.h"
#include "sim/serving/kv_blocks.h"
#include "sim/serving/pace.h"
#include "sim/serving/scheduling.h"

namespace tokenfab {

struct BatcherSpec {
  std::string policy = "chunked";  // "chunked" (vLLM v1), "prefill-first" (vLLM v0) or "static"
  std::int64_t max_sequences = 256;
  std::int64_t token_budget = 8192;  // tokens per step
  std::int64_t max_waiting = 0;      // requests waiting before arrivals are rejected; 0 = no limit
  std::int64_t context = 0;          // longest prompt + output; 0 = no limit
  std::int64_t kv_blocks = 0;
  std::int32_t kv_block_tokens = 16;
  std::int64_t watermark_blocks = 0;
  std::int32_t draft_tokens = 0;  // most tokens drafted per sequence and decode step; blocks are set aside for them
  KvWindow window;                // of the model's sliding-window layers
  Pace pace;                      // of decoding sequences in simulated speculative decoding
  Scheduling scheduling = {};
  std::function<double(const StepSums&)> step_seconds;  // predicted; with scheduling.max_step_s
  bool prefix_cache = false;                            // prompts share blocks of pages by their hashes (set_prefix)
  std::int64_t prefix_pages = 1;                        // pages of such a block
  Ticks prefix_life = 0;                                // blocks unused for longer are forgotten; 0: never
  std::vector<CacheTierSpec> tiers;                     // where blocks go when their pages are wanted; empty: nowhere
  bool hold_finished = false;  // a finished sequence keeps its blocks until drop(): its cache is to go elsewhere
  bool log_kv = false;         // keep kv_events() for an engine that owns real pages
};

}  // namespace tokenfab
