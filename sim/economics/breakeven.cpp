#include "sim/economics/breakeven.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "sim/economics/capital.h"
#include "sim/economics/formulas.h"
#include "sim/economics/month.h"
#include "sim/economics/own_terms.h"

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

/// Units paid for, in the mean over the run: replicas that come and go are not there all the time.
double paid_units(const RunRecord& r) {
  const PoolUsage& u = r.pools.front();
  const double whole = u.replicas > 0 ? u.chips * r.makespan_s : 0;
  return r.pools.size() == 1 && whole > 0 ? u.replicas * u.paid_chip_seconds / whole : 1;
}

/// USD an hour of one unit, at the run's load.
double hourly(const RunRecord& usage, const std::vector<Supply>& supplies) {
  return bill(usage, supplies) / (usage.makespan_s / 3600 * paid_units(usage));
}

/// Whether what the plan charges at another volume than the run's follows from the run: busy time does not, since a
/// batch that holds more is busy no longer.
bool follows_from_run(const PricePlan& plan) {
  if (const auto* c = std::get_if<ChipTime>(&plan.terms)) return c->idle;
  if (const auto* s = std::get_if<RevenueShare>(&plan.terms)) return follows_from_run(*s->of);
  if (const auto* f = std::get_if<FreeTier>(&plan.terms)) return follows_from_run(*f->paid);
  return true;
}

/// Of a plan whose bill hangs on the hour of the day, or on each quarter of an hour.
bool looks_at_clock(const PricePlan& plan) {
  if (const auto* t = std::get_if<TokenTariff>(&plan.terms)) return t->off_peak.has_value();
  if (const auto* s = std::get_if<RevenueShare>(&plan.terms)) return looks_at_clock(*s->of);
  if (const auto* f = std::get_if<FreeTier>(&plan.terms)) return looks_at_clock(*f->paid);
  return std::holds_alternative<Provisioned>(plan.terms);
}

/// Tokens a month at which the plan's charges bend or jump.
std::vector<double> plan_joints(const PricePlan& plan, double most) {
  if (const auto* t = std::get_if<TokenTariff>(&plan.terms)) {
    std::vector<double> out;
    for (const VolumeTier& tier : t->volume) out.push_back(tier.above_tokens);
    return out;
  }
  if (const auto* s = std::get_if<Subscription>(&plan.terms)) return {s->users * s->included_tokens};
  if (const auto* p = std::get_if<TokenPools>(&plan.terms)) return whole_steps("token_pools", p->tokens_per_pool, most);
  if (const auto* s = std::get_if<RevenueShare>(&plan.terms)) return plan_joints(*s->of, most);
  if (const auto* f = std::get_if<FreeTier>(&plan.terms)) {
    const double share = paying_share(*f);
    std::vector<double> out = share > 0 ? plan_joints(*f->paid, most * share) : std::vector<double>{};
    for (double& joint : out) joint /= share;
    return out;
  }
  return {};
}

/// Usage of one unit over a month, without what its tokens add to energy.
RunRecord idle_unit(const RunRecord& usage) {
  RunRecord out = extended_usage(without_dynamic_energy(usage), kHoursPerMonth);
  const double units = paid_units(usage);
  for (PoolUsage& u : out.pools) {
    u.paid_chip_seconds /= units;
    u.idle_energy_j /= units;
  }
  return out;
}

}  // namespace

int growth_units(const RunRecord& record) { return record.pools.size() == 1 ? record.pools.front().replicas : 1; }

UnitCapacity capacity_of_run(const RunRecord& r) {
  UnitCapacity c;
  const double units = growth_units(r);
  if (r.makespan_s <= 0 || r.served == 0) {
    c.how = "not known: the run served nothing";
    return c;
  }
  const double each = tokens_of(r) / static_cast<double>(r.served);
  if (r.capacity.known()) {
    c.requests_per_s = r.capacity.low_rps / units;
    c.requests_per_s_high = r.capacity.high_rps / units;
    c.tokens_per_s = c.requests_per_s * each;
    c.how = r.capacity.how;
  } else if (r.saturated) {
    c.requests_per_s = static_cast<double>(r.served) / r.makespan_s / units;
    c.tokens_per_s = c.requests_per_s * each;
    c.busy = r.cost.utilisation_time;
    c.how = "the throughput of the run, which was saturated; whatever the SLO";
  } else {
    c.how = "not known: the run was not saturated, and no capacity was searched for with it" +
            (r.capacity.how.empty() ? "" : " (" + r.capacity.how + ")");
  }
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

FactoryMonth::FactoryMonth(const RunRecord& usage, const RunRecord& mix, std::vector<Supply> supplies,
                           std::optional<PricePlan> plan, std::optional<Provider> provider)
    : idle_(idle_unit(usage)), supplies_(std::move(supplies)), plan_(std::move(plan)) {
  const CostOfUnit cost = unit_cost(usage, supplies_);
  usd_per_token_ = cost.usd_per_mtok / 1e6;
  mix_ = extended_metered(metered(mix), kHoursPerMonth);
  if (plan_ && !looks_at_clock(*plan_)) mix_ = without_clock(mix_);
  mix_tokens_ = static_cast<double>(mix_.total().all());
  // What SLA credits left of the run's bill they leave of any.
  if (plan_) {
    const double before = bill_of(*plan_, metered(mix)).usd;
    kept_ = before > 0 ? bill_of(*plan_, mix).usd / before : 1;
  }
  if (!provider) return;
  kept_ *= provider->monetised_share * (1 - provider->marketplace_share);
  fee_ = 1 + provider->platform_fee_share;
  for (const auto* lines : {&provider->fixed, &provider->other_cogs})
    for (const auto& [name, usd] : *lines) fixed_usd_ += usd;
}

double FactoryMonth::held_usd(double units) const {
  const auto [at, is_new] = held_.try_emplace(units);
  if (!is_new) return at->second;
  RunRecord month = idle_;
  for (PoolUsage& u : month.pools) {
    u.paid_chip_seconds *= units;
    u.idle_energy_j *= units;
  }
  return at->second = bill(std::move(month), supplies_);
}

double FactoryMonth::compute_usd(double tokens, double units) const {
  return (held_usd(units) + usd_per_token_ * tokens) * fee_;
}

Metered FactoryMonth::month_of(double tokens, double units) const {
  Metered used = mix_.scaled(mix_tokens_ > 0 ? tokens / mix_tokens_ : 0);
  used.paid_chip_s = used.chips = 0;
  for (const PoolUsage& u : idle_.pools) {
    used.paid_chip_s += u.paid_chip_seconds * units;
    used.chips += u.paid_chip_seconds * units / (kHoursPerMonth * 3600);
  }
  return used;
}

double FactoryMonth::list_usd(double tokens, double units) const {
  return plan_ && mix_tokens_ > 0 ? bill_of(*plan_, month_of(tokens, units)).usd : kNone;
}

double FactoryMonth::net_usd(double tokens, double units) const { return list_usd(tokens, units) * kept_; }

bool FactoryMonth::known_at_any_volume() const { return !plan_ || follows_from_run(*plan_); }

std::vector<double> FactoryMonth::revenue_joints(double most) const {
  return plan_ ? plan_joints(*plan_, most) : std::vector<double>{};
}

namespace {

/// Units that hold `tokens` a month.
double units_for(double tokens, double each, bool release_idle) {
  const double n = tokens / each, whole = std::round(n);
  if (release_idle) return n;
  return std::fabs(n - whole) <= 1e-12 * whole ? whole : std::ceil(n);
}

std::vector<double> unit_steps(double each, int max_units, bool release_idle) {
  std::vector<double> out;
  for (int n = 1; !release_idle && n < max_units; ++n) out.push_back(n * each);
  return out;
}

double tokens_a_month(const RunRecord& run) { return tokens_of(run) / run.makespan_s * kHoursPerMonth * 3600; }

VolumeCurve a_day(const VolumeCurve& month) {
  VolumeCurve out{month.name, [at = month.at](double tokens) { return at(tokens * kDaysPerMonth) / kDaysPerMonth; },
                  month.joints};
  for (double& joint : out.joints) joint /= kDaysPerMonth;
  return out;
}

}  // namespace

double break_even_factor(const RunRecord& run, const FactoryMonth& month) {
  const double tokens = tokens_a_month(run), units = paid_units(run);
  const double net = month.net_usd(tokens, units);
  return net > 0 ? (month.compute_usd(tokens, units) + month.fixed_usd()) / net : kNone;
}

double break_even_load(const FactoryMonth& month, double units, double tokens_per_month) {
  const VolumeCurve revenue{"revenue", [&](double tokens) { return month.net_usd(tokens, units); },
                            month.revenue_joints(tokens_per_month)};
  const VolumeCurve cost{
      "cost", [&](double tokens) { return month.compute_usd(tokens, units) + month.fixed_usd(); }, {}};
  if (!month.has_plan() || !month.known_at_any_volume()) return kNone;
  const auto crossings = curve_crossings(revenue, cost, tokens_per_month);
  if (crossings.empty()) return starts_above(revenue, cost, tokens_per_month) ? 0 : kNone;
  return crossings.back().above ? crossings.back().tokens / tokens_per_month : kNone;
}

VolumeCurve monthly_curve(const std::string& name, const FactoryMonth& month, const UnitCapacity& capacity,
                          int max_units, bool release_idle) {
  const double each = capacity.tokens_per_s * kHoursPerMonth * 3600;
  return {name,
          [month, each, release_idle](double tokens) {
            return month.compute_usd(tokens, units_for(tokens, each, release_idle));
          },
          unit_steps(each, max_units, release_idle)};
}

BreakEven break_even(const RunRecord& run, const FactoryMonth& month, const UnitCapacity& capacity, int max_units,
                     bool release_idle) {
  BreakEven b;
  const double volume = tokens_a_month(run), units = paid_units(run);
  b.price_factor = break_even_factor(run, month);
  b.list_usd_per_mtok = volume > 0 ? month.list_usd(volume, units) / volume * 1e6 : kNone;
  b.net_usd_per_mtok = volume > 0 ? month.net_usd(volume, units) / volume * 1e6 : kNone;
  b.fixed_usd_per_month = month.fixed_usd();
  b.committed_usd_per_month = month.committed_usd();
  b.full_usd_per_mtok = b.price_factor_at_capacity = b.utilisation = kNone;
  if (capacity.tokens_per_s <= 0) return b;
  const double each = capacity.tokens_per_s * kHoursPerMonth * 3600;
  b.full_usd_per_mtok = month.compute_usd(each, 1) / each * 1e6;
  b.cost = a_day({"cost",
                  [month, each, release_idle](double tokens) {
                    return month.compute_usd(tokens, units_for(tokens, each, release_idle)) + month.fixed_usd();
                  },
                  unit_steps(each, max_units, release_idle)});
  b.revenue = a_day({"revenue",
                     [month, each, release_idle](double tokens) {
                       return month.net_usd(tokens, units_for(tokens, each, release_idle));
                     },
                     month.revenue_joints(max_units * each)});
  b.known = month.known_at_any_volume();
  if (!month.has_plan() || !b.known || std::isnan(b.net_usd_per_mtok)) return b;
  const double full_net = month.net_usd(each, 1);
  b.price_factor_at_capacity = full_net > 0 ? month.compute_usd(each, 1) / full_net : kNone;
  const VolumeCurve unit_revenue{"revenue", [&](double tokens) { return month.net_usd(tokens, 1); },
                                 month.revenue_joints(each)};
  const VolumeCurve unit_costs{"cost", [&](double tokens) { return month.compute_usd(tokens, 1); }, {}};
  const auto paid_back = curve_crossings(unit_revenue, unit_costs, each);
  if (paid_back.empty()) b.utilisation = starts_above(unit_revenue, unit_costs, each) ? 0 : kNone;
  else if (paid_back.back().above) b.utilisation = paid_back.back().tokens / each;
  const double most = max_units * each / kDaysPerMonth;
  b.profit_from_start = starts_above(b.revenue, b.cost, most);
  b.volumes = curve_crossings(b.revenue, b.cost, most);
  return b;
}

Purchase purchase(const RunRecord& usage, const std::vector<Supply>& rent, const std::vector<Supply>& own) {
  Purchase p;
  std::vector<Supply> running = own;
  const double units = growth_units(usage);
  p.rent_usd_per_year = hourly(usage, rent) * kHoursPerYear;
  for (Supply& s : running) s.owned->capex_usd_per_chip.value = 0;
  p.running_usd_per_year = hourly(usage, running) * kHoursPerYear;
  const double saving = p.rent_usd_per_year - p.running_usd_per_year;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const double capex = own[i].owned->capex_usd_per_chip.value * usage.pools[i].chips / units;
    p.capex_usd += capex;
    p.residual_usd += capex * own[i].owned->residual_share.value;
    p.tax_rate = std::max(p.tax_rate, own[i].owned->tax_rate.value);
  }
  for (std::size_t i = 0; i < own.size(); ++i) {
    const Owned& o = *own[i].owned;
    const double capex = o.capex_usd_per_chip.value * usage.pools[i].chips / units;
    // Each pool saves its part of the rent.
    const double share = p.capex_usd > 0 ? capex / p.capex_usd : 1 / static_cast<double>(own.size());
    CapitalTerms terms = capital_terms(o);
    terms.life_years = std::max(1.0, std::round(terms.life_years));
    p.interest = terms.interest;
    const std::vector<double> flows = after_tax_flows(capex, saving * share, terms);
    p.flows.resize(std::max(p.flows.size(), flows.size()));
    for (std::size_t y = 0; y < flows.size(); ++y) p.flows[y] += flows[y];
  }
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
