#pragma once
#include <map>
#include <vector>

#include "engine/replay.h"
#include "kernels/backend.h"

namespace tokenfab::engine {

using Outputs = std::map<std::int64_t, std::vector<std::int32_t>>;

/// `count` requests that arrive together in small groups; lengths vary by a fixed rule.
inline ReplayTrace small_trace(std::int64_t count, std::int32_t most_input = 40, std::int32_t most_output = 24) {
  ReplayTrace trace;
  for (std::int64_t i = 0; i < count; ++i) {
    Request r;
    r.id = i;
    r.arrival = (i / 8) * 1000;
    r.input_tokens = 1 + static_cast<std::int32_t>((i * 7919 + 13) % most_input);
    r.output_tokens = 1 + static_cast<std::int32_t>((i * 104729 + 5) % most_output);
    trace.requests.push_back(r);
  }
  return trace;
}

struct Replayed {
  RunRecord record;
  EngineRecord log;
};

inline Replayed replay_with(kernels::Backend& backend, const EngineSpec& spec, const ReplayTrace& trace,
                            std::int64_t shared = 0) {
  Engine engine(backend, spec);
  Replayed out;
  out.record.keeps_rows = true;
  replay(engine, trace, synthetic_prompts(trace, engine.model().config().vocab, 7, shared), out.record, out.log);
  return out;
}

inline EngineSpec tiny_spec(const std::string& model = "tiny") {
  EngineSpec spec;
  spec.model = model;
  spec.context = 256;
  spec.batcher.max_sequences = 8;
  spec.batcher.token_budget = 48;
  return spec;
}

/// One request at a time, no sharing, no drafts: what every other way must reproduce.
inline EngineSpec alone(EngineSpec spec) {
  spec.batcher.max_sequences = 1;
  spec.batcher.token_budget = 4096;
  spec.batcher.prefix_cache = false;
  spec.batcher.kv_blocks = 0;
  spec.draft = {};
  return spec;
}

}  // namespace tokenfab::engine
