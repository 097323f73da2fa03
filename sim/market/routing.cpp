#include "sim/market/routing.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "sim/market/money.h"

namespace tokenfab::market {
namespace {

bool down(const RoutedOffer& o, double at_s) {
  return std::any_of(o.down.begin(), o.down.end(),
                     [&](const Downtime& d) { return at_s >= d.from_s && at_s < d.to_s; });
}

}  // namespace

void run_routing(const RoutingSpec& spec, MarketRecord& record) {
  std::vector<Offer> offers;
  for (const RoutedOffer& o : spec.offers) offers.push_back(o.offer);
  PriceBalancer balancer(spec.choice, spec.exclusion_s, offers);
  RandomStream random(spec.seed, 1, StreamPurpose::market_bids);
  std::vector<std::int64_t> answered(offers.size(), 0);
  std::int64_t failed = 0, lost = 0;
  double paid_usd = 0;
  const std::int64_t requests = std::llround(spec.requests_per_s * spec.duration_s);
  for (std::int64_t n = 0; n < requests; ++n) {
    const double at_s = static_cast<double>(n) / spec.requests_per_s;
    bool served = false;
    for (const std::size_t i : balancer.order(at_s, random.uniform())) {
      served = !down(spec.offers[i], at_s);
      if (served) {
        ++answered[i];
        paid_usd += in_usd(offers[i].price);
        break;
      }
      ++failed;
      balancer.failed(i, at_s);
    }
    lost += !served;
  }
  const double all = static_cast<double>(requests - lost);
  const auto figure = [&](const std::string& name, double value, const char* unit, const char* basis) {
    record.figures.push_back({"routing", name, unit, basis, value});
  };
  for (std::size_t i = 0; i < offers.size(); ++i)
    figure("share, " + spec.offers[i].name, all > 0 ? static_cast<double>(answered[i]) / all : std::nan(""), "",
           "of requests answered");
  figure("failed tries", static_cast<double>(failed), "", "each sends its request on to the next provider");
  figure("answered by nobody", static_cast<double>(lost), "requests", "all providers failed");
  figure("mean price", all > 0 ? paid_usd / all : std::nan(""), "USD per M tokens", "over requests answered");
}

}  // namespace tokenfab::market
