#include "sim/economics/plans/plan.h"

#include <algorithm>
#include <limits>
#include <map>

#include "sim/economics/books.h"

namespace tokenfab {
namespace {

void add(const TokenTariff& t, const Metered& used, Bill& bill) { bill_tokens(t, used, bill); }
void add(const ChipTime& t, const Metered& used, Bill& bill) { bill_chip_time(t, used, bill); }
void add(const Provisioned& t, const Metered& used, Bill& bill) { bill_provisioned(t, used, bill); }
void add(const Subscription& t, const Metered& used, Bill& bill) { bill_subscription(t, used, bill); }
void add(const TokenPools& t, const Metered& used, Bill& bill) { bill_token_pools(t, used, bill); }
void add(const Unlimited& t, const Metered& used, Bill& bill) { bill_unlimited(t, used, bill); }
void add(const RevenueShare& t, const Metered& used, Bill& bill) { bill_revenue_share(t, used, bill); }
void add(const FreeTier& t, const Metered& used, Bill& bill) { bill_free_tier(t, used, bill); }
void add(const FixedOutput& t, const Metered& used, Bill& bill) { bill_fixed_output(t, used, bill); }

void credit(const SlaRule& rule, const RunRecord& record, double bill_usd, Bill& bill) {
  const double missed = missed_share(rule, record), usd = -rule.credit * missed * bill_usd;
  bill.lines.push_back({"sla_credit", Charge::credit, missed, "1", usd, usd, usd, "",
                        figure(missed) + " of the time below " + figure(rule.at_least) + ", " + figure(rule.credit) +
                            " of its bill back"});
}

}  // namespace

Bill bill_of(const PricePlan& plan, const Metered& used) {
  Bill bill;
  std::visit([&](const auto& terms) { add(terms, used, bill); }, plan.terms);
  bill.close();
  const auto tokens = static_cast<double>(used.total().all());
  const double none = std::numeric_limits<double>::quiet_NaN();
  bill.figure("usd_per_mtok", kPerMillionTokens, tokens > 0 ? bill.usd / tokens * 1e6 : none);
  return bill;
}

Bill bill_of(const PricePlan& plan, const RunRecord& record) {
  Bill bill = bill_of(plan, metered(record));
  const double before = bill.usd;
  for (const SlaRule& rule : plan.sla) credit(rule, record, before, bill);
  if (!plan.sla.empty()) bill.close();
  return bill;
}

double missed_share(const SlaRule& rule, const RunRecord& record) {
  struct Counts {
    std::int64_t met = 0, all = 0;
  };
  std::map<std::int64_t, Counts> bins;
  for (const MeterCell& c : record.meter) {
    Counts& b = bins[c.bin];
    b.met += rule.objective == SlaRule::Objective::good ? c.good : c.served;
    b.all += c.served + c.rejected;
  }
  const Metered used = metered(record);
  double missed = 0, whole = 0;
  for (const auto& [bin, n] : bins) {
    const double seconds = used.seconds_of(bin);
    whole += seconds;
    if (static_cast<double>(n.met) < rule.at_least * static_cast<double>(n.all)) missed += seconds;
  }
  return whole > 0 ? missed / whole : 0;
}

}  // namespace tokenfab
