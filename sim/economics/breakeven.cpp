#include "sim/economics/breakeven.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "sim/economics/capital.h"
#include "sim/economics/formulas.h"

namespace tokenfab {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kSecondsPerDay = 86'400, kDaysPerMonth = kHoursPerMonth / 24;

double tokens_of(const RunRecord& r) { return static_cast<double>(r.input_served + r.output_served); }

double bill(RunRecord usage, const std::vector<Supply>& supplies) {
  price_run(usage, supplies, std::nullopt);
  return usage.cost.usd_total;
}

RunRecord without_dynamic_energy(RunRecord usage) {
  for (PoolUsage& pool : usage.pools) pool.dynamic_energy_j = 0;
  return usage;
}

/// USD an hour of one unit, at the run's load.
double hourly(const RunRecord& usage, const std::vector<Supply>& supplies) {
  return bill(usage, supplies) / (usage.makespan_s / 3600 * growth_units(usage));
}

CostCurve scaled(CostCurve curve, double factor) {
  curve.usd_per_mtok *= factor;
  curve.usd_per_step *= factor;
  return curve;
}

}  // namespace

int growth_units(const RunRecord& record) { return record.pools.size() == 1 ? record.pools.front().replicas : 1; }

UnitCapacity capacity_of_run(const RunRecord& r) {
  UnitCapacity c;
  const double busy = r.cost.utilisation_time, seconds = r.makespan_s * growth_units(r);
  if (seconds <= 0 || r.served == 0 || !(busy > 0)) {
    c.how = "not known: the run served nothing";
    return c;
  }
  const double share = r.saturated ? 1 : busy;
  c.requests_per_s = static_cast<double>(r.served) / seconds / share;
  c.tokens_per_s = tokens_of(r) / seconds / share;
  c.busy = r.saturated ? busy : 1;
  c.how = r.saturated ? "the throughput of the run, which was saturated; whatever the SLO"
                      : "the throughput of the run over its busy share; whatever the SLO, and low where larger batches "
                        "are more efficient";
  return c;
}

double CostOfUnit::full(const UnitCapacity& capacity) const {
  return usd_per_hour / (capacity.tokens_per_s * 3600) * 1e6 + usd_per_mtok;
}

CostOfUnit unit_cost(const RunRecord& usage, const std::vector<Supply>& supplies) {
  require(usage.makespan_s > 0, "usage over some time");
  const RunRecord idle = without_dynamic_energy(usage);
  const double tokens = tokens_of(usage);
  CostOfUnit c;
  c.usd_per_hour = hourly(idle, supplies);
  if (tokens > 0) c.usd_per_mtok = std::max(0.0, bill(usage, supplies) - bill(idle, supplies)) / tokens * 1e6;
  return c;
}

UnitRevenue unit_revenue(const RunRecord& r, const std::optional<Provider>& provider) {
  UnitRevenue out;
  const double tokens = tokens_of(r);
  out.list_usd_per_mtok = out.net_usd_per_mtok =
      r.cost.has_plan && tokens > 0 ? r.cost.revenue_usd / tokens * 1e6 : kNone;
  if (!provider) return out;
  out.net_usd_per_mtok *= provider->monetised_share * (1 - provider->marketplace_share);
  out.platform_fee_share = provider->platform_fee_share;
  for (const auto* lines : {&provider->fixed, &provider->other_cogs})
    for (const auto& [name, usd] : *lines) out.fixed_usd_per_month += usd;
  return out;
}

CostCurve monthly_curve(const std::string& name, const CostOfUnit& cost, const UnitCapacity& capacity,
                        bool release_idle) {
  if (release_idle) return {name, 0, cost.full(capacity), 0, 1};
  return {name, 0, cost.usd_per_mtok, cost.usd_per_hour * kHoursPerMonth,
          capacity.tokens_per_s * kHoursPerMonth * 3600};
}

BreakEven break_even(const RunRecord& record, const UnitCapacity& capacity, const CostOfUnit& cost,
                     const UnitRevenue& revenue, int max_units, bool release_idle) {
  BreakEven b;
  const double fee = 1 + revenue.platform_fee_share, net = revenue.net_usd_per_mtok;
  b.price_factor = record.cost.usd_total * fee / (net * tokens_of(record) / 1e6);
  if (capacity.tokens_per_s <= 0) {
    b.full_usd_per_mtok = b.price_factor_at_capacity = b.utilisation = kNone;
    return b;
  }
  b.full_usd_per_mtok = cost.full(capacity) * fee;
  b.price_factor_at_capacity = b.full_usd_per_mtok / net;
  const double earned_per_hour = (net - cost.usd_per_mtok * fee) * capacity.tokens_per_s * 3600 / 1e6;
  b.utilisation = earned_per_hour > 0 ? cost.usd_per_hour * fee / earned_per_hour : kNone;
  const double day = kDaysPerMonth;
  const CostCurve month = scaled(monthly_curve("cost", cost, capacity, release_idle), fee);
  b.cost = {"cost", revenue.fixed_usd_per_month / day, month.usd_per_mtok, month.usd_per_step / day,
            month.stepped() ? month.tokens_per_step / day : 1};
  b.revenue = {"revenue", 0, net, 0, 1};
  if (std::isnan(net)) return b;
  b.profit_from_start = starts_above(b.revenue, b.cost);
  b.volumes = curve_crossings(b.revenue, b.cost, max_units * capacity.tokens_per_s * kSecondsPerDay);
  return b;
}

Purchase purchase(const RunRecord& usage, const std::vector<Supply>& rent, const std::vector<Supply>& own) {
  Purchase p;
  std::vector<Supply> running = own;
  double life = 0;
  const double units = growth_units(usage);
  for (std::size_t i = 0; i < own.size(); ++i) {
    const Owned& o = *own[i].owned;
    const double capex = o.capex_usd_per_chip.value * usage.pools[i].chips / units;
    p.capex_usd += capex;
    p.residual_usd += capex * o.residual_share.value;
    p.interest = o.interest.value;
    life = std::max(life, o.life_years.value);
    running[i].owned->capex_usd_per_chip.value = 0;
  }
  p.rent_usd_per_year = hourly(usage, rent) * kHoursPerYear;
  p.running_usd_per_year = hourly(usage, running) * kHoursPerYear;
  const int years = std::max(1, static_cast<int>(std::lround(life)));
  p.flows.assign(static_cast<std::size_t>(years) + 1, p.rent_usd_per_year - p.running_usd_per_year);
  p.flows.front() = -p.capex_usd;
  p.flows.back() += p.residual_usd;
  p.npv_usd = net_present_value(p.interest, p.flows);
  p.payback_years = payback_periods(p.flows);
  try {
    p.irr = internal_rate_of_return(p.flows);
  } catch (const UserError&) {
    p.irr = kNone;  // renting is cheaper in every year, or nothing is paid for the chips
  }
  return p;
}

}  // namespace tokenfab
