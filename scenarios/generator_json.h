#pragma once
#include "base/json_object.h"
#include "sim/workload/generator.h"

namespace tokenfab {

/// Reads "generate":
///   "arrivals": {"law": "poisson" | "gamma" | "weibull" | "fixed" | "all-at-once", "rate": requests/s, "cv" or
///   "shape",
///                "profile": factors with "profile_window_s", "markov": {"rates" (requests/s per state), "dwell_s",
///                "transition", "bin_s"}}
///   "input_tokens", "output_tokens": a whole number, or one of {"uniform": [low, high]}, {"geometric": mean},
///     {"zipf": {"low", "high", "exponent"}}, {"quantiles": [[p, tokens], …]},
///     {"lognormal": {"weights", "mu", "sigma", "min", "max"}}
///   "in_out_correlation", "max_requests", "duration_s" (one of the last two is needed).
GeneratorSpec read_generator(const JsonObject& generate);

}  // namespace tokenfab
