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
///   "images": {"share", "per_request", "tokens_each"}: these tokens come on top of "input_tokens"
///   "classes": [{"name", "share", "priority" (0..255, 0 = highest), "deadline_s" (after the arrival; 0 = none)}, …]
///   "variants": {"count", "zipf"}: adapters or variants of the model
GeneratorSpec read_generator(const JsonObject& generate);

/// Reads "clients": the superposition of clients with gaps and lengths of their own.
///   "rate": requests/s of all, "profile" with "profile_window_s",
///   "groups": [{"share", "count", "law": "poisson" | "gamma" | "weibull" | "fixed", "cv", "input_tokens",
///   "output_tokens"}, …]; a group's share is that of all its `count` clients together
///   and "max_requests", "duration_s", "images", "classes", "variants" as above.
GeneratorSpec read_clients(const JsonObject& clients);

ArrivalSpec read_arrivals(const JsonObject& arrivals);
/// `key` of `parent`: a number of tokens, or a law of it.
LengthSpec read_lengths(const JsonObject& parent, const std::string& key);

}  // namespace tokenfab
