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

/// Sets the replicas of the pools that say "replicas": "fewest" to the fewest chips in all with which `kept`
/// (alternative) holds; with "chips": "fewest" (of one pool) of replicas twice as wide and wider while that takes fewer
/// chips. Several pools: each alone beside plenty of the others first, then together, one replica more where it helps
/// most. Nothing where no pool says so. Returns the chips of the sized pools.
/// Errors: Infeasible where a lone request is too slow, or kMostReplicas are not enough.
int size_replicas(Alternative& alternative, const std::function<bool(const Alternative&)>& kept);
/// Whether a pool says so.
bool wants_sizing(const Alternative& alternative);
inline constexpr int kMostReplicas = 4096;

}  // namespace tokenfab
