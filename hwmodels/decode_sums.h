#pragma once
#include <algorithm>

#include "hwmodels/step_model.h"

namespace tokenfab {

/// A step in which `sequences` decode, each with `context` tokens in its cache.
inline StepSums decode_sums(const Deployment& d, std::int64_t sequences, std::int64_t context) {
  StepSums s;
  s.decode_sequences = sequences;
  s.decode_kv_tokens = sequences * context * d.kv_quanta();
  if (d.llm.window)
    s.decode_window_tokens = sequences * std::min<std::int64_t>(context, d.llm.window->tokens) * d.kv_quanta();
  return s;
}

}  // namespace tokenfab
