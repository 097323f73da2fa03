#pragma once
#include <string>

#include "sim/economics/plans/tariff.h"

namespace tokenfab {

/// One model's prices from a list in LiteLLM's shape: {"model": {"input_cost_per_token": …, "output_cost_per_token": …,
/// "cache_read_input_token_cost", "cache_creation_input_token_cost" and its "_above_1hr",
/// "output_cost_per_reasoning_token"; each also with "_above_128k_tokens" (200k, 256k, 272k) and then "_batches",
/// "_flex" or "_priority"; "tiered_pricing": [{"range": [from, to], …}]}}, in USD per token. What a tier or bracket
/// does not list: tariff_rows.h. Source: the file; date: `as_of`. Other fields with a price are named in the tariff's
/// notes. Errors: UserError with file and pointer: no such model (nearest name), no input or output price, a price
/// above 0.001 USD a token, prices of prompts of a length that is not metered.
TokenTariff litellm_tariff(const std::string& path, const std::string& model, const std::string& as_of);

}  // namespace tokenfab
