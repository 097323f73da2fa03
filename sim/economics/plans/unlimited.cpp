#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <limits>

#include "sim/economics/books.h"
#include "sim/economics/formulas.h"
#include "sim/economics/plans/plans.h"

namespace tokenfab {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double above_normal(double z) { return boost::math::cdf(boost::math::complement(boost::math::normal(), z)); }

/// Least usage of a Pareto distribution with this mean.
double pareto_least(const UserUsage& u) { return u.mean * (u.parameter - 1) / u.parameter; }

/// Mean of the logarithm of a lognormal distribution with this mean.
double log_mean(const UserUsage& u) { return std::log(u.mean) - u.parameter * u.parameter / 2; }

}  // namespace

double UserUsage::users_above(double tokens) const {
  if (tokens <= 0) return 1;
  if (shape == Shape::lognormal) return above_normal((std::log(tokens) - log_mean(*this)) / parameter);
  const double least = pareto_least(*this);
  return tokens <= least ? 1 : std::pow(least / tokens, parameter);
}

double UserUsage::tokens_above(double tokens) const {
  if (tokens <= 0) return 1;
  if (shape == Shape::lognormal) return above_normal((std::log(tokens) - log_mean(*this)) / parameter - parameter);
  const double least = pareto_least(*this);
  return tokens <= least ? 1 : std::pow(least / tokens, parameter - 1);
}

UserUsage UserUsage::selected(double selection) const {
  UserUsage out = *this;
  if (shape == Shape::lognormal) {
    out.mean = mean * std::exp(selection * parameter * parameter);
  } else {
    out.parameter = parameter - selection;
    out.mean = pareto_least(*this) * out.parameter / (out.parameter - 1);
  }
  return out;
}

void bill_unlimited(const Unlimited& t, const Metered& used, Bill& bill) {
  const double months = used.months(), fee = t.usd_per_user_month.value;
  const auto tokens = static_cast<double>(used.total().all());
  bill.commit("unlimited", t.users * fee * months, 0,
              figure(t.users) + " users x $" + figure(fee) + " x " + figure(months) + " months", tokens, tokens,
              "tokens", -1);
  bill.uses("unlimited plan, a user-month", t.usd_per_user_month);
  UserUsage usage = t.usage;
  usage.mean = months > 0 ? tokens / t.users / months : 0;
  bill.figure("tokens_per_user_month", "tokens", usage.mean);
  if (usage.mean <= 0 || used.usd_cost <= 0) return;
  const double usd_per_token = used.usd_cost / tokens, break_even = fee / usd_per_token;
  const UserUsage joined = usage.selected(t.selection);
  bill.figure("break_even_tokens_per_user_month", "tokens", break_even);
  bill.figure("users_beyond_break_even", "1", usage.users_above(break_even));
  bill.figure("tokens_beyond_break_even", "1", usage.tokens_above(break_even));
  bill.figure("tokens_per_joining_user_month", "tokens", joined.mean);
  bill.figure("margin_with_adverse_selection", "1", fee > 0 ? gross_margin(fee, usd_per_token * joined.mean) : kNone);
  bill.figure("break_even_fee_with_adverse_selection", "USD", usd_per_token * joined.mean);
}

}  // namespace tokenfab
