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

void credit(const SlaRule& rule, double missed, double bill_usd, Bill& bill) {
  const double usd = -rule.credit * missed * bill_usd;
  bill.lines.push_back({"sla_credit", Charge::credit, missed, "1", usd, usd, usd, "",
                        figure(missed) + " of the time below " + figure(rule.at_least) + ", " + figure(rule.credit) +
                            " of its bill back"});
}

struct Quarter {
  double seconds = 0;
  std::int64_t served = 0, good = 0, all = 0;
};

/// The run's quarters of an hour that had requests.
std::vector<Quarter> quarters(const RunRecord& record) {
  std::map<std::int64_t, Quarter> bins;
  for (const MeterCell& c : record.meter) {
    Quarter& q = bins[c.bin];
    q.served += c.served, q.good += c.good, q.all += c.served + c.rejected;
  }
  const Metered used = metered(record);
  std::vector<Quarter> out;
  for (auto& [bin, q] : bins) {
    q.seconds = used.seconds_of(bin);
    out.push_back(q);
  }
  return out;
}

bool misses(const SlaRule& rule, const Quarter& q) {
  const std::int64_t met = rule.objective == SlaRule::Objective::good ? q.good : q.served;
  return static_cast<double>(met) < rule.at_least * static_cast<double>(q.all);
}

/// Share of the time that each rule gives its credit for: where several are missed the one with the highest, as clouds
/// grant it, and of equal ones the first.
std::vector<double> credited_shares(const std::vector<SlaRule>& rules, const RunRecord& record) {
  std::vector<double> out(rules.size(), 0.0);
  double whole = 0;
  for (const Quarter& q : quarters(record)) {
    whole += q.seconds;
    const SlaRule* best = nullptr;
    for (const SlaRule& rule : rules)
      if (misses(rule, q) && (!best || rule.credit > best->credit)) best = &rule;
    if (best) out[static_cast<std::size_t>(best - rules.data())] += q.seconds;
  }
  for (double& share : out) share = whole > 0 ? share / whole : 0;
  return out;
}

}  // namespace

Bill bill_of(const PricePlan& plan, const Metered& used) {
  Bill bill;
  std::visit([&](const auto& terms) { add(terms, used, bill); }, plan.terms);
  bill.close();
  const auto tokens = static_cast<double>(used.total().all());
  const double none = std::numeric_limits<double>::quiet_NaN(), billed = tokens * (1 - bill.turned_away);
  bill.figure("usd_per_mtok", kPerMillionTokens, billed > 0 ? bill.usd / billed * 1e6 : none);
  return bill;
}

Bill bill_of(const PricePlan& plan, const RunRecord& record) {
  Bill bill = bill_of(plan, metered(record));
  const double before = bill.usd;
  const std::vector<double> missed = credited_shares(plan.sla, record);
  for (std::size_t i = 0; i < plan.sla.size(); ++i) credit(plan.sla[i], missed[i], before, bill);
  if (!plan.sla.empty()) bill.close();
  return bill;
}

double missed_share(const SlaRule& rule, const RunRecord& record) {
  double missed = 0, whole = 0;
  for (const Quarter& q : quarters(record)) {
    whole += q.seconds;
    if (misses(rule, q)) missed += q.seconds;
  }
  return whole > 0 ? missed / whole : 0;
}

}  // namespace tokenfab
