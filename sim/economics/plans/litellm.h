#pragma once
#include <string>

#include "sim/economics/plans/tariff.h"

namespace tokenfab {

/// One model's prices from a list in LiteLLM's shape: {"model": {"input_cost_per_token": …, "output_cost_per_token": …,
/// "cache_read_input_token_cost", "cache_creation_input_token_cost"; each also with "_above_128k_tokens" (200k, 256k,
/// 272k) and then "_batches", "_flex" or "_priority"}}, in USD per token. A price that a tier or bracket does not list
/// is the standard tier's of that bracket, or else the base price; without any price of cached input it is the input
/// price. Source: the file; date: `as_of`. Errors: UserError with file and pointer: no such model (nearest name), no
/// input or output price, a price of prompts of a length that is not metered.
TokenTariff litellm_tariff(const std::string& path, const std::string& model, const std::string& as_of);

}  // namespace tokenfab
