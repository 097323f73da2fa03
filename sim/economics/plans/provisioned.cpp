#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "sim/economics/books.h"
#include "sim/economics/plans/plans.h"

namespace tokenfab {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// What the reserved units cover, and what comes over.
struct Split {
  Metered covered, over;
  long double demand = 0, carried = 0, capacity = 0;  // weighted tokens
};

Split split(const Provisioned& t, const Metered& used) {
  Split out{used, used};
  std::map<std::int64_t, long double> demand;
  for (const MeteredTokens& c : used.cells) demand[c.bin] += weighted(t, c);
  const long double rate = static_cast<long double>(t.units) * t.tokens_per_s;
  out.capacity = rate * used.hours * 3600;
  std::map<std::int64_t, long double> share;
  for (const auto& [bin, tokens] : demand) {
    const long double room = rate * used.seconds_of(bin);
    share[bin] = tokens > room ? room / tokens : 1;
    out.demand += tokens;
    out.carried += tokens * share[bin];
  }
  for (MeteredTokens& c : out.covered.cells) c.scale(share[c.bin]);
  for (MeteredTokens& c : out.over.cells) c.scale(1 - share[c.bin]);
  return out;
}

}  // namespace

long double weighted(const Provisioned& t, const MeteredTokens& used) {
  return (used.input - used.cached) * t.input_weight + used.cached * t.cached_weight + used.output * t.output_weight;
}

void bill_provisioned(const Provisioned& t, const Metered& used, Bill& bill) {
  const Split s = split(t, used);
  const double unit_hours = t.units * used.hours, fee = unit_hours * t.usd_per_unit_hour.value;
  const double list = t.usd_without_term ? unit_hours * t.usd_without_term->value : fee;
  const auto capacity = static_cast<double>(s.capacity), carried = static_cast<double>(s.carried);
  double on_demand = -1;
  if (t.on_demand) {
    on_demand = 0;
    for (const MeteredTokens& c : s.covered.cells) on_demand += static_cast<double>(list_usd(*t.on_demand, c));
  }
  bill.commit("provisioned", fee, list,
              figure(t.units) + " units x " + figure(used.hours) + " h x $" + figure(t.usd_per_unit_hour.value) +
                  " (term: " + t.term + ")",
              capacity, carried, "weighted tokens", on_demand);
  bill.uses("price of a unit-hour, term " + t.term, t.usd_per_unit_hour);
  if (t.usd_without_term) bill.uses("price of a unit-hour, term none", *t.usd_without_term);
  if (t.on_demand) bill_tokens(*t.on_demand, s.over, bill);
  const auto over = s.demand > 0 ? static_cast<double>((s.demand - s.carried) / s.demand) : 0;
  bill.figure(t.on_demand ? "spilled_share" : "turned_away_share", "1", over);
  if (!t.on_demand && over > 0) {
    bill.turned_away = over;
    bill.note(figure(std::round(over * 1e4) / 100) + " % of the tokens are turned away: the units do not carry them");
  }
  bill.figure("capacity_used", "1", capacity > 0 ? carried / capacity : kNone);
  if (!t.on_demand) return;
  long double tokens = 0, usd = 0;
  for (const MeteredTokens& c : used.cells) tokens += c.all(), usd += list_usd(*t.on_demand, c);
  const auto blended = static_cast<double>(tokens > 0 ? usd / tokens * 1e6L : 0);
  bill.figure("break_even_tokens_per_hour", "tokens/hour",
              blended > 0 ? t.units * t.usd_per_unit_hour.value / blended * 1e6 : kNone);
}

}  // namespace tokenfab
