#include <fmt/format.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>

#include "base/text.h"
#include "scenarios/market_curves.h"
#include "sim/market/money.h"

namespace tokenfab {
namespace {

using market::in_usd;
using market::kHoursPerYear;
using market::micro;
using market::ServiceCurve;

/// The factories' runs, each distinct factory simulated once.
class Curves {
 public:
  Curves(const MarketPlan& plan, const RunOptions& options) : plan_(plan) {
    std::map<std::string, std::size_t> index;
    std::vector<std::size_t> distinct;
    for (std::size_t i = 0; i < plan.factories.size(); ++i) {
      const auto [at, is_new] = index.emplace(curve_key(plan.factories[i]), distinct.size());
      if (is_new) distinct.push_back(i);
      runs_of_.push_back(at->second);
    }
    runs_.resize(distinct.size());
    const auto jobs = static_cast<std::size_t>(
        options.jobs > 0 ? options.jobs : static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
    const oneapi::tbb::global_control limit(oneapi::tbb::global_control::max_allowed_parallelism, jobs);
    oneapi::tbb::parallel_for(std::size_t{0}, distinct.size(), [&](std::size_t i) {
      runs_[i] = simulate_factory(plan.factories[distinct[i]], plan.seed, options);
    });
  }

  CurveRecord record(const CurveUse& use) const {
    CurveRecord out = priced_curve(runs_[runs_of_[use.factory]], supplies(use));
    out.factory = plan_.factories[use.factory].name;
    return out;
  }
  ServiceCurve curve(const CurveUse& use) const { return ServiceCurve(record(use).points); }
  /// Of a replica at the SLO's limit.
  RunRecord full_load(const CurveUse& use) const {
    RunRecord r = runs_[runs_of_[use.factory]].records.back();
    price_run(r, supplies(use), std::nullopt);
    return r;
  }

 private:
  std::vector<Supply> supplies(const CurveUse& use) const {
    if (!use.supplies.empty()) return use.supplies;
    std::vector<Supply> out;
    for (const PoolPlan& pool : plan_.factories[use.factory].alternative.pools) out.push_back(pool.supply);
    return out;
  }

  const MarketPlan& plan_;
  std::vector<std::size_t> runs_of_;  // by factory
  std::vector<FactoryRuns> runs_;
};

struct Figures {
  MarketRecord& record;
  std::string section;
  void operator()(const std::string& name, double value, const std::string& unit, const std::string& basis) const {
    record.figures.push_back({section, name, unit, basis, value});
  }
};

double mean_price(const MarketRound& round) {
  return round.served > 0 ? in_usd(round.spend) / static_cast<double>(round.served) * 1e6 : std::nan("");
}

void play(CompetitionPlan plan, const Curves& curves, MarketRecord& record) {
  for (std::size_t i = 0; i < plan.curve.size(); ++i)
    if (plan.curve[i]) plan.spec.providers[i].supplier.curve = curves.curve(*plan.curve[i]);
  run_competition(plan.spec, record);
  record.step_h = plan.spec.step_h;
  record.steps = std::llround(plan.spec.horizon_h / plan.spec.step_h);
  const Figures figure{record, "competition"};
  const MarketRound &first = record.rounds.front(), &last = record.rounds.back();
  const auto left = std::count_if(record.providers.begin(), record.providers.end(),
                                  [](const ProviderTotal& p) { return p.exit_h < 0; });
  figure("providers left", static_cast<double>(left), "", "of " + std::to_string(record.providers.size()));
  figure("mean price, first round", mean_price(first), "USD per M tokens", "spend over tokens served");
  figure("mean price, last round", mean_price(last), "USD per M tokens", "spend over tokens served");
  figure("HHI, first round", first.hhi, "", "10,000 x sum of squared shares of tokens served");
  figure("HHI, last round", last.hhi, "", "10,000 x sum of squared shares of tokens served");
  double consumers = 0, producers = 0;
  for (const auto& s : record.segments) consumers += s.consumer_surplus_usd;
  for (const auto& p : record.providers) producers += in_usd(p.revenue - p.supply_cost);
  figure("consumer surplus", consumers, "USD", "area between demand and price, of what was served");
  figure("producer surplus", producers, "USD", "revenue less cost of supply, before fixed costs");
}

void play(ExchangePlan plan, const Curves& curves, MarketRecord& record) {
  for (std::size_t i = 0; i < plan.curve.size(); ++i) {
    const CurveRecord curve = curves.record(plan.curve[i]);
    plan.spec.sellers[i].curve = ServiceCurve(curve.points);
    plan.spec.sellers[i].chips = curve.chips;
  }
  run_exchange(plan.spec, record);
}

void play(RegionsPlan plan, const Curves& curves, MarketRecord& record) {
  for (std::size_t i = 0; i < plan.curve.size(); ++i) {
    const ServiceCurve curve = curves.curve(plan.curve[i]);
    market::RegionSite& site = plan.spec.sites[i];
    site.replica_tokens_s = curve.capacity();
    site.price = micro(curve.full_cost() * (1 + plan.markup[i]));
    site.ttft_s = curve.points().back().ttft_p99_s;
  }
  run_regions(plan.spec, record);
}

/// USD and J per million tokens of a replica at the SLO's limit.
std::pair<double, double> unit_cost_and_energy(const ServiceCurve& curve) {
  return {curve.full_cost(), curve.points().back().power_w / curve.capacity() * 1e6};
}

void play(ReboundPlan plan, const Curves& curves, MarketRecord& record) {
  const Figures figure{record, "rebound"};
  if (plan.before) {
    const auto [usd0, joule0] = unit_cost_and_energy(curves.curve(*plan.before));
    const auto [usd1, joule1] = unit_cost_and_energy(curves.curve(*plan.after));
    plan.price_ratio = 1 - plan.pass_through * (1 - usd1 / usd0);
    plan.energy_ratio = joule1 / joule0;
    figure("cost before", usd0, "USD per M tokens", "a replica at the SLO's limit");
    figure("cost after", usd1, "USD per M tokens", "the same");
    figure("energy before", joule0 / 1e6, "J per token", "IT power at that load over tokens");
    figure("energy after", joule1 / 1e6, "J per token", "the same");
  } else {
    plan.price_ratio = 1 - plan.pass_through * (1 - plan.price_ratio);
  }
  figure("price ratio", plan.price_ratio, "", "1 - pass-through x (1 - cost after / cost before)");
  figure("energy per token ratio", plan.energy_ratio, "", "after / before");
  figure("elasticity that keeps total energy", market::energy_neutral_elasticity(plan.price_ratio, plan.energy_ratio),
         "", "-ln(energy ratio) / ln(price ratio)");
  for (const market::Segment& s : plan.segments) {
    const market::Rebound r = market::rebound(s.demand.elasticity, plan.price_ratio, plan.energy_ratio);
    market::DemandCurve yearly = s.demand;
    yearly.quantity *= kHoursPerYear / 1e6;  // M tokens a year
    const double before = s.demand.price, after = before * plan.price_ratio;
    const double gain = market::consumer_surplus(yearly, std::min(before, after), std::max(before, after));
    record.rebounds.push_back(
        {s.name, s.demand.elasticity, r.quantity_ratio, r.spend_ratio, r.energy_ratio, after <= before ? gain : -gain});
  }
}

double usd_per_hour(const RunRecord& r, const char* account) {
  double usd = 0;
  for (const LedgerEntry& e : r.ledger)
    if (e.account == account) usd += e.usd;
  return usd / r.makespan_s * 3600;
}

/// Electricity and capital of owned chips at the SLO's limit, USD per million tokens.
double long_run_floor(const CurveUse& use, const Curves& curves, const Figures& figure) {
  const RunRecord r = curves.full_load(use);
  const double mtok_per_hour = curves.curve(use).capacity() * 3600 / 1e6;
  const double power = usd_per_hour(r, "energy") / mtok_per_hour;
  const double capital = usd_per_hour(r, "compute.capital") / mtok_per_hour;
  figure("long-run floor", power + capital, "USD per M tokens",
         "electricity + capital recovery, owned chips, full load");
  figure("electricity in it", power / (power + capital), "", "share");
  return power + capital;
}

void play(const ThresholdPlan& plan, const Curves& curves, double start_year, MarketRecord& record) {
  const Figures figure{record, "threshold"};
  const CurveRecord curve = curves.record(plan.today);
  const ServiceCurve today(curve.points);
  const double cost = today.full_cost(), chips = curve.chips, per_chip = today.capacity() / chips;
  const double chip_hour = curve.points.back().usd_h / chips;
  figure("price asked for", plan.usd_per_mtok, "USD per M tokens", "input and output together");
  figure("cost today", cost, "USD per M tokens",
         fmt::format("{:.9g} USD an hour over {:.9g} tokens/s", curve.points.back().usd_h, today.capacity()));
  figure("throughput today", per_chip, "tokens/s per chip", "a replica at the SLO's limit");
  figure("throughput needed", market::required_tokens_s(chip_hour, plan.usd_per_mtok), "tokens/s per chip",
         fmt::format("at today's {:.9g} USD per chip-hour", chip_hour));
  figure("rent needed", plan.usd_per_mtok * per_chip * 3600 / 1e6, "USD per chip-hour", "at today's throughput");
  const auto dates = [&](const std::string& what, double years, const std::string& basis) {
    figure("years until, " + what, years, "years", basis);
    figure("date, " + what, start_year + years, "year", "start_year + years");
  };
  const double floor = plan.owned ? long_run_floor(*plan.owned, curves, figure) : 0;
  if (plan.yearly_factor) {
    const std::string basis = "cost x " + shortest(*plan.yearly_factor) + " a year";
    dates("cost falling", years_until(market::YearlyFall{cost, *plan.yearly_factor, 0}, plan.usd_per_mtok), basis);
    if (plan.owned)
      dates("down to the floor", years_until(market::YearlyFall{cost, *plan.yearly_factor, floor}, plan.usd_per_mtok),
            basis + ", what is above today's long-run floor only");
    return;
  }
  market::Wright wright = *plan.wright;
  wright.now = cost;
  dates("by learning", years_until(wright, plan.usd_per_mtok),
        shortest(wright.learning_rate) + " less at each doubling of all tokens made");
}

void play(SubsidyPlan plan, const Curves& curves, double start_year, MarketRecord& record) {
  const Figures figure{record, "subsidy"};
  if (plan.cost) plan.subsidy.cost_usd_per_mtok = curves.curve(*plan.cost).full_cost();
  const double burn = first_burn_per_day(plan.subsidy), days = runway_days(plan.subsidy, plan.cash_usd);
  figure("cost of a token", plan.subsidy.cost_usd_per_mtok, "USD per M tokens",
         plan.cost ? "a replica at the SLO's limit" : "given");
  figure("burn a day", burn, "USD", "volume x (cost - price) + fixed, at the start");
  figure("burn a year", burnt_by(plan.subsidy, 365), "USD", "with growth");
  figure("runway", days, "days", "until what is burnt is the cash");
  figure("cash gone", start_year + days / 365, "year", "start_year + runway");
}

void play(RoutingPlan plan, const Curves& curves, MarketRecord& record) {
  for (std::size_t i = 0; i < plan.curve.size(); ++i) {
    if (!plan.curve[i]) continue;
    const ServiceCurve curve = curves.curve(*plan.curve[i]);
    plan.spec.offers[i].offer.price = micro(curve.full_cost());
    plan.spec.offers[i].offer.latency_s = curve.points().back().ttft_p99_s;
  }
  run_routing(plan.spec, record);
}

}  // namespace

MarketRecord run_market(const MarketPlan& plan, const RunOptions& options) {
  MarketRecord record;
  record.name = plan.name;
  record.scenario_json = plan.json;
  record.seed = plan.seed;
  record.assumptions = plan.assumptions;
  const Curves curves(plan, options);
  for (std::size_t i = 0; i < plan.factories.size(); ++i) record.curves.push_back(curves.record({i, {}}));
  if (plan.competition) play(*plan.competition, curves, record);
  if (plan.exchange) play(*plan.exchange, curves, record);
  if (plan.regions) play(*plan.regions, curves, record);
  if (plan.rebound) play(*plan.rebound, curves, record);
  if (plan.threshold) play(*plan.threshold, curves, plan.start_year, record);
  if (plan.subsidy) play(*plan.subsidy, curves, plan.start_year, record);
  if (plan.routing) play(*plan.routing, curves, record);
  return record;
}

}  // namespace tokenfab
