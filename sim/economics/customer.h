#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json_object.h"
#include "sim/economics/economics.h"
#include "sim/economics/money_catalog.h"
#include "sim/economics/switching.h"

// Unit economics of somebody who buys tokens: pure functions of declared use and prices.
namespace tokenfab {

/// Tokens of one interaction, in the mean; cached ones are part of the input.
struct InteractionTokens {
  double input = 0, cached = 0, output = 0;
  double all() const { return input + output; }
};

struct NamedPlan {
  std::string name;
  PricePlan plan;
};

/// What must hold. One of these; the others are negative.
struct CustomerTarget {
  double usd_per_interaction = -1, usd_per_user_month = -1;
  double cogs_share = -1;    // tokens' cost over revenue
  double saving_share = -1;  // against the plan `saving_against`
  std::string saving_against;
};

struct Customer {
  std::string name;
  InteractionTokens tokens;
  double interactions_per_month = 0;
  double users = 0;                      // 0 = not given
  double revenue_usd_per_month = 0;      // that the tokens bring; 0 = not given
  double other_usd_per_interaction = 0;  // cost that no token price changes: tools, telephony, people
  std::vector<NamedPlan> plans;          // what tokens are bought at; at least one
  std::optional<CustomerTarget> target;
  std::string factory;                 // scenario of a factory of one's own; "" = none
  double platform_fee_share = 0;       // on top of its cost, to whoever runs it
  std::string switch_from, switch_to;  // plans; switch_to may be "factory"
  std::optional<Switch> switching;
  std::vector<Assumption> assumptions;
};

/// Reads "customer" of a file; plans by provider's name need "llm". Errors: UserError with file and pointer.
Customer read_customer(const JsonObject& customer, const MoneyCatalog& money);

struct UnitEconomics {
  double usd_per_interaction = 0, usd_per_month = 0;
  double usd_per_user_month = 0;  // NaN without users
  double cogs_share = 0;          // of revenue; NaN without
  double usd_per_mtok = 0;        // tokens alone, input and output together
};
/// What the customer uses in a month of 730 hours: every interaction of its mean length, of the highest class, spread
/// evenly over the hours; with `scale` times the tokens in each.
Metered month_of(const Customer& customer, double scale = 1);
/// The bill of that month.
Bill monthly_bill(const Customer& customer, const PricePlan& plan, double scale = 1);
/// Its USD per interaction that is served: fees and discounts of the month spread over all, none over what is refused.
double interaction_usd(const Customer& customer, const PricePlan& plan, double scale = 1);
UnitEconomics unit_economics(const Customer& customer, double token_usd_per_interaction);

/// USD that an interaction may cost, other costs included, so that the target is met.
double allowed_usd_per_interaction(const Customer& customer);

/// What would have to hold at one plan, one thing at a time, for the target.
struct TargetSolution {
  bool met = false;
  double allowed_token_usd = 0;       // per interaction; <= 0: other costs alone exceed the target
  double price_factor = 0;            // of all the plan's prices
  double usd_per_mtok = 0;            // the same as a mean price
  double tokens_per_interaction = 0;  // at the plan's prices and mix: the most that keep the target
  double output_tokens_per_interaction = 0;
};
/// `usd_at(scale)`: of an interaction's tokens where each has `scale` times as many; it never falls. token_usd is
/// usd_at(1).
TargetSolution solve_target(const Customer& customer, const std::function<double(double scale)>& usd_at);

/// The busy share of a factory's capacity at which an interaction costs what is allowed, where it costs `full_usd` at
/// capacity and capacity is paid whether used or not: full_usd / allowed. Above 1: at none; NaN: nothing is allowed.
double utilisation_for(double full_usd, double allowed_usd);

}  // namespace tokenfab
