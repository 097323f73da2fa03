#pragma once
#include "base/json_object.h"
#include "scenarios/market.h"

// The parts of "market", one function each. Errors: UserError with file and pointer.
namespace tokenfab {

/// What the parts refer to.
struct MarketContext {
  const MoneyCatalog& money;
  std::vector<MarketFactory>& factories;
  std::vector<market::Segment> segments;  // "segments"
  std::vector<Assumption>& assumptions;
};

/// {"amplitude", "peak_hour", "weekend", "utc_offset_h"} or {"hours": [24 factors], …}; absent: flat.
market::Profile read_profile(const JsonObject& parent);
/// {"rule": "logit", "price_weight", "latency_weight", "quality_weight", "latency_s"}; absent: `fallback`.
market::Choice read_choice(const JsonObject& parent, const market::Choice& fallback);
/// [{"name", "tokens_per_day", "reference_usd_per_mtok", "elasticity", "growth_per_year", "profile", "choice",
///   "choke_usd_per_mtok"}]
std::vector<market::Segment> read_segments(const JsonObject& top);
/// {"rule", "replicas", "schedule", "target_load", "cold_start_h", "least", "most"}; absent: reactive.
market::CapacityPolicy read_capacity(const JsonObject& parent);
/// A "factory" by name, and a "supply" at its prices.
CurveUse read_curve_use(const JsonObject& o, const std::string& key, MarketContext& context);

CompetitionPlan read_competition(const JsonObject& top, MarketContext& context);
ExchangePlan read_exchange(const JsonObject& exchange, std::uint64_t seed, MarketContext& context);
RegionsPlan read_regions(const JsonObject& regions, MarketContext& context);
ReboundPlan read_rebound(const JsonObject& rebound, MarketContext& context);
ThresholdPlan read_threshold(const JsonObject& threshold, MarketContext& context);
SubsidyPlan read_subsidy(const JsonObject& subsidy, MarketContext& context);
RoutingPlan read_routing(const JsonObject& routing, std::uint64_t seed, MarketContext& context);

}  // namespace tokenfab
