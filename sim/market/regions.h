#pragma once
#include <string>
#include <vector>

#include "sim/market/demand.h"
#include "sim/market/flow.h"

// Demand of regions in different phase, cleared hour by hour over sites by minimal cost.
namespace tokenfab::market {

struct Region {
  std::string name;
  double tokens_h = 0;  // mean
  Profile profile;
};

struct RegionSite {
  std::string name;
  std::size_t region = 0;
  int replicas = 1;
  double replica_tokens_s = 0;  // within the SLO
  MicroUsd price = 0;           // per million tokens
  double ttft_s = 0;            // 99th percentile at that load
};

struct RegionsSpec {
  std::int64_t hours = 168;
  std::vector<Region> regions;
  std::vector<RegionSite> sites;
  std::vector<std::vector<double>> rtt_s;  // [region][region], round trip
  double ttft_limit_s = 0;                 // of site and round trip together
};

/// Clears each hour in lots of a million tokens (sim/market/flow.h) and fills flows and figures of the record: pooling
/// gain over all regions and over those within reach of each other, cost, what is served away from home, what is not
/// served. Errors: InternalError where an hour costs more than at the best single site.
void run_regions(const RegionsSpec& spec, MarketRecord& record);

}  // namespace tokenfab::market
