#include "scenarios/spending_json.h"

#include <algorithm>

#include "base/text.h"

namespace tokenfab {
namespace {

void read_prices(const JsonObject& o, const std::optional<PricePlan>& plan, std::vector<Assumption>& assumptions,
                 SpendLimit& limit) {
  const TokenTariff* tariff = plan ? std::get_if<TokenTariff>(&plan->terms) : nullptr;
  if (o.has("prices")) {
    const JsonObject p = o.object("prices");
    limit.input_usd = p.number_in("input", 0, 1e6);
    limit.output_usd = p.number_in("output", 0, 1e6);
    p.finish();
    return;
  }
  if (!tariff) o.fail("prices", "is missing, and the scenario has no pay_per_token plan to take them from");
  for (const TokenRates& r : tariff->rates) {
    limit.input_usd = std::max({limit.input_usd, r.prices.input.value, r.prices.cache_write.value});
    limit.output_usd = std::max(limit.output_usd, r.prices.output.value);
  }
  assumptions.push_back({o.pointer() + "/prices",
                         "$" + shortest(limit.input_usd) + " input, $" + shortest(limit.output_usd) + " output",
                         "the highest prices of the plan: a call's worst case"});
}

}  // namespace

std::optional<SpendLimit> read_spending(const JsonObject& scenario, const std::optional<PricePlan>& plan,
                                        std::vector<Assumption>& assumptions) {
  if (!scenario.has("spending")) return std::nullopt;
  const JsonObject o = scenario.object("spending");
  SpendLimit limit;
  limit.usd_per_interaction = o.number_in("usd_per_interaction", 0, 1e9);
  limit.max_output_tokens = static_cast<std::int32_t>(o.integer("max_output_tokens", 1, 10'000'000));
  if (o.has("budget_usd")) {
    if (scenario.object_or_empty("workload").has("sessions"))
      o.fail("budget_usd", "is for workloads whose requests do not cause each other; this one has sessions");
    limit.usd_in_all = o.number_in("budget_usd", 0, 1e12);
  }
  const std::string over = o.one_of("over", {"refuse", "truncate", "downgrade"}, "refuse");
  if (over == "downgrade") o.fail("over", "\"downgrade\" is not supported by this version; allowed: refuse, truncate");
  if (over == "truncate") limit.over = SpendLimit::Over::truncate;
  read_prices(o, plan, assumptions, limit);
  o.finish();
  return limit;
}

}  // namespace tokenfab
