#pragma once
#include <array>
#include <functional>
#include <optional>

#include "sim/core/market_record.h"

// How a provider sets its price at the beginning of a round.
namespace tokenfab::market {

enum class PriceRule {
  fixed,
  cost_plus,     // last round's cost of a served token x (1 + markup)
  undercut,      // the lowest rival's price less `step`, not below the floor
  subsidised,    // `price`, below cost or not, while cash lasts: once cash is under `until_cash`, cost_plus
  best_response  // the price with most profit against the rivals' present ones
};
inline constexpr std::array kPriceRules = {"fixed", "cost-plus", "undercut", "subsidised", "best-response"};

struct PricePolicy {
  PriceRule rule = PriceRule::fixed;
  MicroUsd price = 0;  // the first round's; fixed and subsidised: every round's
  double markup = 0;
  MicroUsd step = 1;              // also the grid of best_response
  std::optional<MicroUsd> floor;  // undercut, best_response; default: the marginal cost
  MicroUsd until_cash = 0;
};

/// What a provider knows when it sets a price. Costs and prices per million tokens.
struct PriceView {
  MicroUsd own = 0;                      // its present price
  std::optional<MicroUsd> lowest_rival;  // empty: it is alone
  MicroUsd marginal_cost = 0;
  double unit_cost_usd = 0;  // supply and fixed cost per million tokens served in the last round
  MicroUsd cash = 0;
  MicroUsd highest = 0;                    // no price is above it
  std::function<double(MicroUsd)> profit;  // USD an hour at a price, rivals as they are; best_response only
};

/// Errors: InternalError where best_response has no profit to ask.
MicroUsd next_price(const PricePolicy& policy, const PriceView& view);

/// The most profitable price in [low, high] on the grid low + n x step, the lowest of several. A coarse grid, the
/// rival's price and those next to it are tried, then the neighbourhood of the best: exact for one peak, and for the
/// cliff at a rival's price.
MicroUsd best_price(MicroUsd low, MicroUsd high, MicroUsd step, std::optional<MicroUsd> rival,
                    const std::function<double(MicroUsd)>& profit);

}  // namespace tokenfab::market
