#include "sim/market/capacity.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/market/money.h"

namespace tokenfab::market {
namespace {

constexpr double kRounding = 1e-9;  // a replica's worth of demand that rounding may have added

int needed(const CapacityPolicy& p, double demand) {
  const double replicas = std::ceil(demand / p.target_load - kRounding);
  return static_cast<int>(std::clamp(replicas, static_cast<double>(p.least), static_cast<double>(p.most)));
}

/// Demand in step `at` > now, as the same time a season ago suggests, scaled by how now compares with then.
double forecast(std::span<const double> demand, std::size_t now, std::size_t at, double step_h) {
  for (const double season_h : {kHoursPerWeek, kHoursPerDay}) {
    const auto season = static_cast<std::size_t>(std::llround(season_h / step_h));
    if (season == 0 || now < season || at >= now + season) continue;
    const double then = demand[now - season];
    return then > 0 ? demand[at - season] * (demand[now] / then) : demand[at - season];
  }
  return demand[now];
}

}  // namespace

Fleet::Fleet(double step_h, double cold_start_h, int replicas) : step_h_(step_h), cold_start_h_(cold_start_h) {
  cohorts_.push_back({-1, replicas});
}

void Fleet::set(int wanted) {
  int surplus = paid() - wanted;
  if (surplus < 0) cohorts_.push_back({0, -surplus});
  for (; surplus > 0; cohorts_.pop_back()) {
    Cohort& youngest = cohorts_.back();
    const int released = std::min(surplus, youngest.replicas);
    surplus -= released;
    youngest.replicas -= released;
    if (youngest.replicas > 0) break;
  }
}

double Fleet::usable_part(const Cohort& c) const {
  if (c.age < 0) return 1;
  return std::clamp((static_cast<double>(c.age + 1) * step_h_ - cold_start_h_) / step_h_, 0.0, 1.0);
}

double Fleet::usable() const {
  double sum = 0;
  for (const Cohort& c : cohorts_) sum += c.replicas * usable_part(c);
  return sum;
}

int Fleet::paid() const {
  int sum = 0;
  for (const Cohort& c : cohorts_) sum += c.replicas;
  return sum;
}

void Fleet::next_step() {
  for (Cohort& c : cohorts_)
    if (c.age >= 0) ++c.age;
  // Cohorts that are fully usable are one.
  while (cohorts_.size() > 1 && usable_part(cohorts_[0]) == 1 && usable_part(cohorts_[1]) == 1) {
    cohorts_[1] = {-1, cohorts_[0].replicas + cohorts_[1].replicas};
    cohorts_.pop_front();
  }
}

std::int64_t lead_steps(const CapacityPolicy& policy, double step_h) {
  return static_cast<std::int64_t>(std::ceil(policy.cold_start_h / step_h - kRounding));
}

int wanted_replicas(const CapacityPolicy& p, std::span<const double> demand, std::size_t now, double step_h) {
  require(now < demand.size(), "demand is known now");
  if (p.rule == CapacityRule::fixed) return p.replicas;
  if (p.rule == CapacityRule::scheduled) {
    const double hour = static_cast<double>(now) * step_h;
    return p.schedule[static_cast<std::size_t>(std::fmod(hour, kHoursPerWeek))];
  }
  int wanted = needed(p, demand[now]);
  if (p.rule == CapacityRule::reactive) return wanted;
  const auto lead = static_cast<std::size_t>(lead_steps(p, step_h));
  for (std::size_t ahead = 1; ahead <= lead; ++ahead) {
    const std::size_t at = now + ahead;
    const double expected =
        p.rule == CapacityRule::oracle ? demand[std::min(at, demand.size() - 1)] : forecast(demand, now, at, step_h);
    wanted = std::max(wanted, needed(p, expected));
  }
  return wanted;
}

CapacityRun run_capacity(const CapacityPolicy& policy, std::span<const double> demand, double step_h) {
  CapacityRun out;
  if (demand.empty()) return out;
  Fleet fleet(step_h, policy.cold_start_h, wanted_replicas(policy, demand, 0, step_h));
  for (std::size_t k = 0; k < demand.size(); ++k, fleet.next_step()) {
    fleet.set(wanted_replicas(policy, demand, k, step_h));
    out.demanded += demand[k];
    out.served += std::min(demand[k], fleet.usable());
    out.paid_replica_steps += fleet.paid();
  }
  return out;
}

}  // namespace tokenfab::market
