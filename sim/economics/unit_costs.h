#pragma once
#include <string>
#include <vector>

#include "sim/economics/economics.h"

// The bill over the three kinds of tokens served. Every split adds up to the bill.
namespace tokenfab {

/// USD borne by uncached input, cached input and output tokens.
struct TokenBill {
  long double input = 0, cached = 0, output = 0;
};

/// Each pool's bill as its busy time is: prefill (of it, reading cached prompts from slower memories: cached) and
/// decode; idle time follows pro rata. Pools that were never busy follow the others; where none was, every token costs
/// the same. A kind without served tokens leaves its share to the next one: cached, input, output, input.
TokenBill busy_time_bill(const RunRecord& record, const std::vector<PoolBill>& bills);

/// Prices over that of an uncached input token.
struct PriceRatio {
  double cached = 1, output = 1;
  std::string basis;
};
/// A plan's own; all one without a plan, or where it has no price per token or its input is free.
PriceRatio price_ratio(const std::optional<PricePlan>& plan);

/// The four methods, in this order; empty where no token was served.
///   busy-time    as above
///   pool         prefill pools' bills to input, decode pools' to output; pools of both kinds as above
///   price-ratio  C_out = k C_in, C_cached = c C_in
///   shapley      busy time as above; what a pool cost while idle (and unused commitments) in equal parts to the
///                phases that it serves: the Shapley value of the game in which serving a set of phases costs all idle
///                time of their pools and their own busy time
std::vector<UnitCost> unit_costs(const RunRecord& record, const std::vector<PoolBill>& bills, const PriceRatio& ratio);

}  // namespace tokenfab
