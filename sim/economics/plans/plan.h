#pragma once
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sim/economics/plans/plans.h"

namespace tokenfab {

/// Credit for quarters of an hour in which the service missed an objective.
struct SlaRule {
  enum class Objective { good, available } objective = Objective::available;  // share of requests: met all SLOs; served
  double at_least = 1;                                                        // in each quarter of an hour
  double credit = 0;                                                          // share of the bill of the time missed
};

/// What users pay.
struct PricePlan {
  PricePlan(TokenPlan prices) : terms(flat_tariff(prices)) {}
  template <class Terms>
  PricePlan(std::string called, Terms t) : name(std::move(called)), terms(std::move(t)) {}

  std::string name;  // "" = the run's own
  std::variant<TokenTariff, ChipTime, Provisioned, Subscription, TokenPools, Unlimited, RevenueShare, FreeTier,
               FixedOutput>
      terms;
  std::vector<SlaRule> sla;
};

/// The bill of what a run used. A pure function; record.cost.usd_total is read by the figures only.
Bill bill_of(const PricePlan& plan, const RunRecord& record);
/// The same without SLA credits, from a meter.
Bill bill_of(const PricePlan& plan, const Metered& used);

/// Share of the run's quarters of an hour with requests in which the rule's objective was missed, by time.
double missed_share(const SlaRule& rule, const RunRecord& record);

/// Share of replications that lose money, and the one-sided 95 % bound of Clopper and Pearson on its probability; NaN
/// without any.
struct LossRisk {
  double share = 0, at_most = 0;
};
LossRisk loss_risk(std::span<const double> margins);

}  // namespace tokenfab
