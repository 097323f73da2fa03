#pragma once
#include "scenarios/scenario.h"

namespace tokenfab {

/// A pool with "chips": "fewest" and its plan filled in: the first of these that holds the weights and a cache of
/// "cache_tokens" (65,536): tensor-parallel groups of 1, 2, 4, … chips inside a scale-up domain, then pipelines of the
/// largest such group; SRAM pipelines, as many chips as it takes. A pool without that key is loaded as it stands.
/// Errors: as load_pool; Infeasible where no plan of at most kMostChips chips holds it.
PoolPlan load_sized_pool(const JsonObject& pool, const Catalog& catalog, const MoneyCatalog& money,
                         std::vector<Assumption>& assumptions);
inline constexpr int kMostChips = 2048;

/// Sets the replicas of the pool that says "replicas": "fewest" to the fewest with which the share of offered requests
/// that meets the SLO is at least `slo.attainment`; with "chips": "fewest" of replicas twice as wide and wider while
/// that takes fewer chips in all. Nothing where no pool says so. `attained(alternative)` runs it.
/// Errors: Infeasible where a lone request is too slow, or kMostReplicas are not enough.
void size_replicas(Alternative& alternative, const std::function<double(const Alternative&)>& attained);
inline constexpr int kMostReplicas = 4096;

}  // namespace tokenfab
