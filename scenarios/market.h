#pragma once
#include <optional>
#include <string>
#include <vector>

#include "scenarios/runner.h"
#include "scenarios/scenario.h"
#include "sim/market/competition.h"
#include "sim/market/projection.h"
#include "sim/market/regions.h"
#include "sim/market/routing.h"
#include "sim/market/spot_market.h"

namespace tokenfab {

/// A factory of which one unit (scenarios/capacity.h) is simulated at several loads.
struct MarketFactory {
  std::string name;
  Alternative alternative;
};

/// Whose replicas, at whose prices.
struct CurveUse {
  std::size_t factory = 0;
  std::vector<Supply> supplies;  // one per pool; empty: the factory's own
};

struct CompetitionPlan {
  market::CompetitionSpec spec;                // suppliers without curves
  std::vector<std::optional<CurveUse>> curve;  // by provider; empty: it resells
};
struct ExchangePlan {
  market::SpotSpec spec;
  std::vector<CurveUse> curve;  // by seller
};
struct RegionsPlan {
  market::RegionsSpec spec;
  std::vector<CurveUse> curve;  // by site
  std::vector<double> markup;   // by site, on the full cost
};
/// A fall in price and energy per token, and what segments make of it.
struct ReboundPlan {
  std::optional<CurveUse> before, after;
  double price_ratio = 1, energy_ratio = 1;  // where not from curves
  double pass_through = 1;                   // share of the fall in cost that reaches the price
  std::vector<market::Segment> segments;
};
/// When a token costs so much.
struct ThresholdPlan {
  double usd_per_mtok = 0;
  CurveUse today;
  std::optional<CurveUse> owned;  // for the long-run floor
  std::optional<double> yearly_factor;
  std::optional<market::Wright> wright;  // `now` is filled in
};
struct SubsidyPlan {
  market::Subsidy subsidy;
  double cash_usd = 0;
  std::optional<CurveUse> cost;  // else subsidy.cost_usd_per_mtok
};

struct RoutingPlan {
  market::RoutingSpec spec;
  std::vector<std::optional<CurveUse>> curve;  // by offer: its full cost and latency; empty: as given
};

/// A validated market scenario: everything but the service curves, which running it finds.
struct MarketPlan {
  std::string name, json;
  std::uint64_t seed = 1;
  double start_year = 2026;  // of hour 0, for dates
  std::vector<MarketFactory> factories;
  std::optional<CompetitionPlan> competition;
  std::optional<ExchangePlan> exchange;
  std::optional<RegionsPlan> regions;
  std::optional<ReboundPlan> rebound;
  std::optional<ThresholdPlan> threshold;
  std::optional<SubsidyPlan> subsidy;
  std::optional<RoutingPlan> routing;
  std::vector<Assumption> assumptions;
};

/// Whether the file is a scenario with "market". Errors: UserError where it cannot be read.
bool is_market_scenario(const std::string& path);

/// Errors: UserError (file, pointer, value, what was allowed), Infeasible with the arithmetic.
MarketPlan load_market(const std::string& path, const ScenarioOptions& options);
MarketPlan parse_market(const std::string& text, const std::string& name, const ScenarioOptions& options);

/// Simulates the factories' service curves (scenarios/market_curves.h), then plays each section. Errors: Infeasible
/// where a factory meets the SLO at no load.
MarketRecord run_market(const MarketPlan& plan, const RunOptions& options);

}  // namespace tokenfab
