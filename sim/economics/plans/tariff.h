#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/economics/plans/bill.h"
#include "sim/economics/plans/metered.h"

namespace tokenfab {

/// Prices that hold for one service tier, prompts longer than `above` tokens, and in or out of the off-peak hours.
struct TokenRates {
  std::string tier = "standard";
  std::int32_t above = 0;  // 0 or one of kMeterBrackets; the whole request is charged at its bracket's prices
  bool off_peak = false;
  TokenPlan prices;
};

/// Minutes of the UTC day, on quarters of an hour; to < from: over midnight; from = to: the whole day.
struct OffPeak {
  int from = 0, to = 0;
};

/// Tokens beyond `above_tokens` in a month cost `factor` times the list price (graduated).
struct VolumeTier {
  double above_tokens = 0, factor = 1;
};

/// Pay per token, with everything that lists make a price depend on.
struct TokenTariff {
  std::vector<TokenRates> rates;           // the first: standard, above 0, not off-peak
  std::vector<std::string> tier_of_class;  // by class of service; others are standard
  std::optional<OffPeak> off_peak;
  int clock_start = 0;             // minute of the UTC day at the workload's time 0, on a quarter of an hour
  double cache_write_share = 0;    // of input tokens that are not cached: charged as cache writes
  std::vector<VolumeTier> volume;  // ascending
  std::vector<std::string> notes;  // of whoever read it: what the list states and no bill can charge
};

/// When these rates hold, for listings: ", batch, off-peak"; "" for the standard ones.
std::string conditions(const TokenRates& rates);

TokenTariff flat_tariff(const TokenPlan& prices);

/// The rates that what was used in a cell is charged at: by the tier that the requests name, where the tariff has it,
/// else by that of their class. A tier that lists no price for off-peak hours or long prompts keeps its others.
const TokenRates& rates_for(const TokenTariff& tariff, const MeteredTokens& used);

bool has_tier(const TokenTariff& tariff, const std::string& tier);

/// The tariff for usage that states its cache writes: the declared share then no longer stands in for them.
TokenTariff for_usage(TokenTariff tariff, const Metered& used);

/// USD at list prices (no volume discount) of what a cell, or one request, used.
long double list_usd(const TokenTariff& tariff, const MeteredTokens& used);

/// Share of the list price left by the graduated volume tiers at `tokens` in `months`; 1 without tiers or tokens.
/// tokens x factor is continuous and grows with tokens.
double volume_factor(const TokenTariff& tariff, double tokens, double months);

/// Adds a line per kind of token and price. Request bills at list_usd x volume_factor sum to it.
void bill_tokens(const TokenTariff& tariff, const Metered& used, Bill& bill);

}  // namespace tokenfab
