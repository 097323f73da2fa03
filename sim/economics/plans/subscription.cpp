#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/economics/books.h"
#include "sim/economics/plans/plans.h"

namespace tokenfab {
namespace {

double share_of(double part, double whole) {
  return whole > 0 ? part / whole : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

void bill_subscription(const Subscription& t, const Metered& used, Bill& bill) {
  const double months = used.months(), tokens = static_cast<double>(used.total().all());
  const double included = t.users * t.included_tokens * months, over = std::max(0.0, tokens - included);
  bill.commit("subscription", t.users * t.usd_per_user_month.value * months, 0,
              figure(t.users) + " users x $" + figure(t.usd_per_user_month.value) + " x " + figure(months) + " months",
              included, tokens, "tokens", -1);
  bill.charge("overage", over, "tokens", over * t.overage.value / 1e6,
              figure(over) + " tokens beyond " + figure(included) + " x $" + figure(t.overage.value) + " a million");
  bill.uses("subscription, a user-month", t.usd_per_user_month);
  bill.uses("overage", t.overage);
  bill.figure("breakage_share", "1", share_of(included - std::min(included, tokens), included));
}

void bill_token_pools(const TokenPools& t, const Metered& used, Bill& bill) {
  const auto tokens = static_cast<double>(used.total().all());
  const double pools = std::max(t.least, std::ceil(tokens / t.tokens_per_pool)), bought = pools * t.tokens_per_pool;
  const double usd = pools * t.usd_per_pool.value;
  bill.commit("token_pools", usd, 0, figure(pools) + " pools x $" + figure(t.usd_per_pool.value), bought, tokens,
              "tokens", -1);
  bill.uses("token pool", t.usd_per_pool);
  bill.figure("breakage_share", "1", share_of(bought - tokens, bought));
  bill.figure("breakage_usd", "USD", bought > 0 ? usd * (bought - tokens) / bought : 0);
}

}  // namespace tokenfab
