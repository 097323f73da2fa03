#include "sim/economics/books.h"
#include "sim/economics/plans/plan.h"

namespace tokenfab {

void bill_revenue_share(const RevenueShare& t, const Metered& used, Bill& bill) {
  Bill whole = bill_of(*t.of, used);
  bill.charge("revenue_share", whole.usd, "USD", t.share * whole.usd,
              figure(t.share) + " of $" + figure(whole.usd) + " that the reseller takes");
  bill.prices = std::move(whole.prices);
  bill.notes = std::move(whole.notes);
  bill.figure("reseller_usd", "USD", whole.usd - t.share * whole.usd);
}

double paying_share(const FreeTier& t) {
  const double free_tokens = (1 - t.conversion) * t.free_usage;
  return t.conversion + free_tokens > 0 ? t.conversion / (t.conversion + free_tokens) : 0;
}

void bill_free_tier(const FreeTier& t, const Metered& used, Bill& bill) {
  const double share = paying_share(t);
  bill = bill_of(*t.paid, used.scaled(share));
  bill.figures.clear();
  const auto free_tokens = static_cast<double>(used.total().all()) * (1 - share);
  bill.charge("free_tier", free_tokens, "tokens", 0, figure(free_tokens) + " tokens of free users");
  bill.figure("paying_token_share", "1", share);
  bill.figure("free_tier_usd_cost", "USD", used.usd_cost * (1 - share));
}

}  // namespace tokenfab
