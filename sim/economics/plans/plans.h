#pragma once
#include <memory>
#include <optional>
#include <string>

#include "sim/economics/plans/tariff.h"

// The terms of each kind of plan, and its bill. Monthly amounts are charged for the share of a month of 730 hours that
// the run lasts.
namespace tokenfab {

struct PricePlan;

/// Pay per second of a chip's time.
struct ChipTime {
  Price usd_per_chip_second;
  bool idle = false;  // idle time is charged too; else time in which a step runs
  double boot_s = 0;  // charged once per chip
};
void bill_chip_time(const ChipTime& terms, const Metered& used, Bill& bill);

/// Throughput reserved in units, counted in weighted tokens, within each quarter of an hour.
struct Provisioned {
  double units = 1;
  Price usd_per_unit_hour;                // for the term chosen
  std::optional<Price> usd_without_term;  // the list price that the term's discount is against
  std::string term = "none";
  double tokens_per_s = 0;  // of one unit, weighted
  double input_weight = 1, cached_weight = 0, output_weight = 1;
  std::optional<TokenTariff> on_demand;  // what comes over is charged so; without: it is turned away
};
/// Weighted tokens of a cell.
long double weighted(const Provisioned& terms, const MeteredTokens& used);
void bill_provisioned(const Provisioned& terms, const Metered& used, Bill& bill);

/// A fee per user and month that includes tokens, pooled over the users; more tokens cost extra.
struct Subscription {
  double users = 1;
  Price usd_per_user_month;
  double included_tokens = 0;  // per user and month, input and output
  Price overage;               // USD per million tokens
};
void bill_subscription(const Subscription& terms, const Metered& used, Bill& bill);

/// Tokens bought ahead in whole pools; what is left of the last is breakage.
struct TokenPools {
  Price usd_per_pool;
  double tokens_per_pool = 0;
  double least = 0;  // bought in any case
};
void bill_token_pools(const TokenPools& terms, const Metered& used, Bill& bill);

/// How usage differs between users of one plan: its mean is the metered one.
struct UserUsage {
  enum class Shape { lognormal, pareto } shape = Shape::lognormal;
  double parameter = 1;  // lognormal: sigma of the logarithm; pareto: tail exponent > 1
  double mean = 0;       // tokens per user and month

  /// Share of users who use more than `tokens`.
  double users_above(double tokens) const;
  /// Share of all tokens that those use.
  double tokens_above(double tokens) const;
  /// Users join in proportion to (their usage)^selection. Pareto: parameter - selection > 1.
  UserUsage selected(double selection) const;
};

/// A flat fee with no limit.
struct Unlimited {
  double users = 1;
  Price usd_per_user_month;
  UserUsage usage;
  double selection = 0;  // elasticity of joining to a user's usage
};
void bill_unlimited(const Unlimited& terms, const Metered& used, Bill& bill);

/// The provider gets a share of what a reseller takes under another plan.
struct RevenueShare {
  double share = 1;
  std::shared_ptr<const PricePlan> of;
};
void bill_revenue_share(const RevenueShare& terms, const Metered& used, Bill& bill);

/// Only some users pay; a free user's tokens are `free_usage` times a paying one's.
struct FreeTier {
  double conversion = 1, free_usage = 1;
  std::shared_ptr<const PricePlan> paid;
};
/// Share of tokens that paying users use.
double paying_share(const FreeTier& terms);
void bill_free_tier(const FreeTier& terms, const Metered& used, Bill& bill);

/// A fixed price of an outcome: the provider bears what it costs.
struct FixedOutput {
  enum class Per { output_mtok, request } per = Per::output_mtok;
  Price usd;
};
void bill_fixed_output(const FixedOutput& terms, const Metered& used, Bill& bill);

}  // namespace tokenfab
