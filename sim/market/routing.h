#pragma once
#include <string>
#include <vector>

#include "sim/market/choice.h"

// A load balancer of prices, request by request.
namespace tokenfab::market {

struct Downtime {
  double from_s = 0, to_s = 0;
};

struct RoutedOffer {
  std::string name;
  Offer offer;                 // always listed; whether it answers is what the balancer finds out
  std::vector<Downtime> down;  // every try fails meanwhile
};

struct RoutingSpec {
  Choice choice;
  double exclusion_s = 30, requests_per_s = 10, duration_s = 600;
  std::uint64_t seed = 1;
  std::vector<RoutedOffer> offers;
};

/// Sends evenly spaced requests through a PriceBalancer; one that fails is tried at the next provider of its order.
/// Adds figures "share, NAME" (of requests answered there), failed tries, requests that nobody answered, and the mean
/// price.
void run_routing(const RoutingSpec& spec, MarketRecord& record);

}  // namespace tokenfab::market
