#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/market/capacity.h"
#include "sim/market/choice.h"
#include "sim/market/demand.h"
#include "sim/market/pricing.h"
#include "sim/market/service_curve.h"

// Providers that compete on price for segments of demand, step by step over years.
namespace tokenfab::market {

/// Where a provider's tokens come from: replicas of a factory, or another provider's list price.
struct Supplier {
  std::optional<ServiceCurve> curve;
  double resale_usd_per_mtok = 0;  // without a curve: what a token costs, in any amount
  double resale_ttft_s = 0;
  /// USD per million tokens of a replica planned at `load` of its capacity.
  double marginal_cost(double load) const;
};

struct Outage {
  double from_h = 0, to_h = 0;
};

struct ProviderSpec {
  std::string name;
  Supplier supplier;
  MicroUsd cash = 0;
  double fixed_usd_h = 0;
  double quality = 0;
  PricePolicy price;
  CapacityPolicy capacity;
  std::vector<Outage> outages;  // nothing is served in a step that begins in one; its buyers go elsewhere
};

struct Segment {
  std::string name;
  DemandCurve demand;  // quantity: tokens an hour, mean over the week, at the reference price, at the start
  double growth = 0;   // a year, as a factor - 1
  Profile profile;
  Choice choice;
  double choke_usd_per_mtok = std::numeric_limits<double>::infinity();  // nobody pays more: bounds consumer surplus
};

struct CompetitionSpec {
  double step_h = 1, round_h = 168;  // prices change at the beginning of a round
  double horizon_h = 0;
  MicroUsd highest_price = 0;
  std::vector<Segment> segments;
  std::vector<ProviderSpec> providers;
};

/// Plays the market and fills rounds, provider_rounds, providers and segments of the record. In a round providers set
/// prices one after another, each seeing the prices before it. A segment buys Q(P) at the mean price P of its shares.
/// Demand beyond what a provider's usable replicas serve within the SLO is lost. A provider whose cash is below zero
/// after a step leaves. Errors: InternalError where cash at the end is not cash at the start plus revenue less costs,
/// or where segments do not pay what providers take.
void run_competition(const CompetitionSpec& spec, MarketRecord& record);

}  // namespace tokenfab::market
